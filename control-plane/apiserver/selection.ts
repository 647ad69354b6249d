// Which objects of a resource a list, watch or deletecollection is about.

import type { Kind } from '../../api/kinds/index.ts';
import {
  badRequest,
  type FieldRequirement,
  fieldNotSupported,
  type KubeObject,
  parseFieldSelector,
  parseLabelSelector,
  type Selector,
} from '../../api/meta/index.ts';
import type { Target } from './core.ts';

export interface Selection {
  /** Prefix of local keys: `namespace/` or ''. */
  readonly prefix: string;
  /** When a single name is asked for. */
  readonly name: string | undefined;
  /** Everything below the prefix. */
  readonly all: boolean;
  /** Whether an object of that key can match, as told without a look at it. */
  mayBe(local: string): boolean;
  matches(object: KubeObject): boolean;
}

/** Throws 400 for a selector that cannot be parsed or a field that the kind does not offer. */
export function selectionOf(target: Target, query: URLSearchParams): Selection {
  const labels = parsedLabels(query.get('labelSelector') ?? '');
  const fields = parsedFields(target.kind, query.get('fieldSelector') ?? '');
  let name = target.name === '' ? undefined : target.name;
  const conditions: ((object: KubeObject) => boolean)[] = [];
  for (const { field, op, value } of fields) {
    if (field === 'metadata.name' && op === '=' && name === undefined) name = value;
    else {
      const of = fieldOf(target.kind, field)!;
      conditions.push(op === '=' ? (object) => of(object) === value : (object) => of(object) !== value);
    }
  }
  const wanted = name;
  const all = labels === undefined && conditions.length === 0;
  return {
    prefix: target.namespace === '' || !target.kind.namespaced ? '' : `${target.namespace}/`,
    name,
    all: all && name === undefined,
    mayBe: (local) => wanted === undefined || local === wanted || local.endsWith(`/${wanted}`),
    matches: (object) =>
      (wanted === undefined || object.metadata.name === wanted) &&
      (labels === undefined || labels.matches(object.metadata.labels)) &&
      conditions.every((condition) => condition(object)),
  };
}

function parsedLabels(text: string): Selector | undefined {
  if (text === '') return undefined;
  const selector = parseLabelSelector(text);
  return selector.empty ? undefined : selector;
}

function parsedFields(kind: Kind, text: string): FieldRequirement[] {
  if (text === '') return [];
  const requirements = parseFieldSelector(text);
  for (const { field } of requirements) if (fieldOf(kind, field) === undefined) throw unknownField(kind, field);
  return requirements;
}

function fieldOf(kind: Kind, field: string): ((object: KubeObject) => string) | undefined {
  if (field === 'metadata.name') return (object) => object.metadata.name ?? '';
  if (field === 'metadata.namespace') return (object) => object.metadata.namespace ?? '';
  return kind.fieldSelectors?.[field];
}

/** Kinds that offer fields of their own say less than those that do not. */
const unknownField = (kind: Kind, field: string) =>
  kind.fieldSelectors
    ? fieldNotSupported(field)
    : badRequest(`"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`);
