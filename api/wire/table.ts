// Objects as meta.k8s.io Tables and as PartialObjectMetadata: what `kubectl get` and metadata informers ask for.
import { nameColumn } from '../kinds/index.ts';
import type { Column, Kind } from '../kinds/kind.ts';
import type { KubeList, KubeObject } from '../meta/index.ts';
import { columnText } from './column-texts.ts';
import type { Descriptions } from './openapi/description.ts';

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
  /** What the columns mean, where their own definition does not say it. */
  describe?: ColumnDescriptions;
}

/** Of a built-in kind; '' when nothing is known. */
export type ColumnDescriptions = (kind: KindName, column: string) => string;

type KindName = Pick<Kind, 'group' | 'version' | 'kind'>;

/** Of kinds without a printer of their own; the time is absolute. */
const defaultColumns: readonly Column[] = [
  nameColumn,
  { name: 'Created At', type: 'date', of: (object) => object.metadata.creationTimestamp ?? '<unknown>' },
];

export function tableFor(kind: KindName & Pick<Kind, 'columns'>, objects: readonly KubeObject[], options: TableOptions): object {
  const columns = kind.columns ?? defaultColumns;
  const version = options.version ?? 'v1';
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: options.listMetadata ?? (objects.length === 1 ? { resourceVersion: objects[0]!.metadata.resourceVersion } : {}),
    columnDefinitions: options.withoutHeader ? [] : columns.map((column) => definitionOf(column, kind, options.describe)),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.of(object, options.nowMs)),
      object: rowObject(object, options.includeObject ?? 'Metadata', version),
    })),
  };
}

const definitionOf = ({ name, type, format, description, priority }: Column, kind: KindName, describe?: ColumnDescriptions): object => ({
  name,
  type,
  format: format ?? '',
  description: description ?? describe?.(kind, name) ?? '',
  priority: priority ?? 0,
});

/** Upstream's columns have the fields' texts as they were before the lists of values were put into them. */
const withoutValues = (text: string): string => text.split('\n\nPossible enum values:')[0]!;

/** Texts for the heads of tables. Each is looked up once: `descriptions` is opened for the first table of a kind only. */
export function columnDescriptions(descriptions: () => Descriptions): ColumnDescriptions {
  const known = new Map<string, string>();
  return (kind, column) => {
    const found = columnText(kind, column);
    if (found === undefined || 'words' in found) return found?.words ?? '';
    const key = `${found.definition}.${found.field}`;
    let text = known.get(key);
    if (text === undefined) known.set(key, (text = withoutValues(descriptions()(found.definition)?.fields?.[found.field] ?? '')));
    return text;
  };
}

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
