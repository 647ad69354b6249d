// Objects as meta.k8s.io Tables and as PartialObjectMetadata: what `kubectl get` and metadata informers ask for.
import { nameColumn } from '../kinds/index.ts';
import type { Column, Kind } from '../kinds/kind.ts';
import type { KubeList, KubeObject } from '../meta/index.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableOptions {
  /** Milliseconds since the epoch, for ages. */
  nowMs: number;
  /** Default Metadata. */
  includeObject?: IncludeObject;
  /** Of the answer: `v1` or `v1beta1`. */
  version?: 'v1' | 'v1beta1';
  /** Metadata of the list that the objects come from. */
  listMetadata?: KubeList['metadata'];
  /** Watch events after the first leave the columns out. */
  withoutHeader?: boolean;
}

/** Of kinds without a printer of their own; the time is absolute. */
const defaultColumns: readonly Column[] = [
  nameColumn,
  { name: 'Created At', type: 'date', of: (object) => object.metadata.creationTimestamp ?? '<unknown>' },
];

export function tableFor(kind: Pick<Kind, 'columns'>, objects: readonly KubeObject[], options: TableOptions): object {
  const columns = kind.columns ?? defaultColumns;
  const version = options.version ?? 'v1';
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: options.listMetadata ?? (objects.length === 1 ? { resourceVersion: objects[0]!.metadata.resourceVersion } : {}),
    columnDefinitions: options.withoutHeader ? [] : columns.map(definitionOf),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.of(object, options.nowMs)),
      object: rowObject(object, options.includeObject ?? 'Metadata', version),
    })),
  };
}

const definitionOf = ({ name, type, format, description, priority }: Column): object => ({
  name,
  type,
  format: format ?? '',
  description: description ?? '',
  priority: priority ?? 0,
});

function rowObject(object: KubeObject, include: IncludeObject, version: string): object | null {
  if (include === 'None') return null;
  return include === 'Object' ? object : partialObject(object, version);
}

export const partialObject = (object: KubeObject, version = 'v1'): KubeObject => ({
  kind: 'PartialObjectMetadata',
  apiVersion: `meta.k8s.io/${version}`,
  metadata: object.metadata,
});

export const partialList = (objects: readonly KubeObject[], metadata: KubeList['metadata'], version = 'v1'): KubeList => ({
  kind: 'PartialObjectMetadataList',
  apiVersion: `meta.k8s.io/${version}`,
  metadata,
  items: objects.map((object) => partialObject(object, version)),
});
