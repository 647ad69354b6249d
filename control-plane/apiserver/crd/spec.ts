// A CustomResourceDefinition as the server reads it.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { JsonSchema } from '../../../api/structural/index.ts';
import type { ClientConfig } from '../webhook/index.ts';
import type { PrinterColumn } from './columns.ts';

export interface CrdVersion {
  name: string;
  served: boolean;
  storage: boolean;
  schema?: { openAPIV3Schema?: JsonSchema };
  subresources?: { status?: object; scale?: ScalePaths };
  additionalPrinterColumns?: PrinterColumn[];
  selectableFields?: { jsonPath: string }[];
  deprecated?: boolean;
  deprecationWarning?: string;
}

export interface ScalePaths {
  specReplicasPath: string;
  statusReplicasPath: string;
  labelSelectorPath?: string;
}

export interface CrdNames {
  plural: string;
  singular?: string;
  kind: string;
  listKind?: string;
  shortNames?: string[];
  categories?: string[];
}

export interface CrdSpec {
  group: string;
  scope: 'Namespaced' | 'Cluster';
  names: CrdNames;
  versions: CrdVersion[];
  conversion?: { strategy: string; webhook?: { clientConfig: ClientConfig; conversionReviewVersions: string[] } };
}

export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastTransitionTime?: string;
}

export interface CrdStatus {
  conditions: Condition[];
  storedVersions: string[];
  acceptedNames?: CrdNames;
}

export const specOf = (crd: KubeObject): CrdSpec => crd['spec'] as CrdSpec;

/** Lists of a status that nobody wrote yet are null. */
export function statusOf(crd: KubeObject): CrdStatus {
  const { conditions, storedVersions, ...status } = (crd['status'] ?? {}) as Partial<CrdStatus>;
  return { ...status, conditions: conditions ?? [], storedVersions: storedVersions ?? [] };
}

export const isTrue = (crd: KubeObject, type: string): boolean =>
  statusOf(crd).conditions.some((condition) => condition.type === type && condition.status === 'True');

/** What a version without a schema lets through: everything. Only definitions of before v1 have none. */
export const schemaOfVersion = (version: CrdVersion): JsonSchema =>
  version.schema?.openAPIV3Schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
