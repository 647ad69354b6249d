// Status of a CustomResourceDefinition: which of its names are its own, whether it is served, whether its group is approved.
import { X509Certificate } from 'node:crypto';
import { approvalOf } from '../../../api/kinds/index.ts';
import type { KubeObject } from '../../../api/meta/index.ts';
import { type Condition, type CrdNames, type CrdSpec, type CrdStatus, specOf, statusOf } from './spec.ts';

/** The status that the definition has beside the others of its group. `now` is the time of what changes. */
export function settledStatus(crd: KubeObject, others: readonly KubeObject[], now: string): CrdStatus {
  const spec = specOf(crd);
  const status = statusOf(crd);
  const { names, conflict } = acceptedNames(spec.names, status.acceptedNames, others);
  let { conditions } = status;
  const set = (condition: Condition): void => {
    conditions = withCondition(conditions, condition, now);
  };
  if (conflict) set({ type: 'NamesAccepted', status: 'False', ...conflict });
  else set({ type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' });
  // Once established it stays so: objects may be there.
  if (!conditions.some(({ type, status }) => type === 'Established' && status === 'True')) set(establishment(spec, conflict !== undefined));
  const approval = approvalCondition(crd);
  if (approval) set(approval);
  const storage = spec.versions.find((version) => version.storage)?.name;
  const { storedVersions } = status;
  const stored = storage === undefined || storedVersions.includes(storage) ? storedVersions : [...storedVersions, storage];
  return { conditions, acceptedNames: names, storedVersions: stored };
}

/** With the time of its last change of status. */
export function withCondition(conditions: readonly Condition[], condition: Condition, now: string): Condition[] {
  const before = conditions.find(({ type }) => type === condition.type);
  const lastTransitionTime = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
  const next = { ...condition, lastTransitionTime };
  return before ? conditions.map((one) => (one === before ? next : one)) : [...conditions, next];
}

function establishment({ conversion }: CrdSpec, conflicts: boolean): Condition {
  const type = 'Established';
  if (conflicts) return { type, status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
  const { caBundle } = conversion?.webhook?.clientConfig ?? {};
  if (caBundle && !isAuthority(caBundle))
    return { type, status: 'False', reason: 'InvalidCABundle', message: 'The conversion webhook CABundle is invalid' };
  return { type, status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' };
}

function isAuthority(caBundle: string): boolean {
  try {
    new X509Certificate(Buffer.from(caBundle, 'base64'));
    return true;
  } catch {
    return false;
  }
}

const APPROVAL_REASONS = {
  missing: ['False', 'MissingAnnotation'],
  invalid: ['False', 'InvalidAnnotation'],
  bypassed: ['False', 'UnapprovedAnnotation'],
  approved: ['True', 'ApprovedAnnotation'],
} as const;

function approvalCondition(crd: KubeObject): Condition | undefined {
  const approval = approvalOf(crd);
  if (approval === undefined) return undefined;
  const [status, reason] = APPROVAL_REASONS[approval.state];
  return { type: 'KubernetesAPIApprovalPolicyConformant', status, reason, message: approval.reason };
}

interface Conflict {
  reason: string;
  message: string;
}

/** Each name that is free becomes the definition's own; the last conflict is told. */
function acceptedNames(
  wanted: CrdNames,
  own: CrdNames | undefined,
  others: readonly KubeObject[],
): { names: CrdNames; conflict: Conflict | undefined } {
  const taken = others.map((other) => statusOf(other).acceptedNames).filter((names) => names !== undefined);
  const resources = new Set(taken.flatMap(({ plural, singular, shortNames = [] }) => [plural, singular, ...shortNames]));
  const kinds = new Set(taken.flatMap(({ kind, listKind }) => [kind, listKind]));
  const names: CrdNames = { plural: '', kind: '', ...own };
  let conflict: Conflict | undefined;
  const take = (key: 'plural' | 'singular' | 'kind' | 'listKind', used: ReadonlySet<string | undefined>, reason: string): void => {
    const name = wanted[key];
    if (name !== undefined && name !== own?.[key] && used.has(name)) conflict = { reason, message: `"${name}" is already in use` };
    else if (name !== undefined) names[key] = name;
  };
  take('plural', resources, 'PluralConflict');
  take('singular', resources, 'SingularConflict');
  const short = (wanted.shortNames ?? []).filter((name) => !own?.shortNames?.includes(name) && resources.has(name));
  const texts = [...new Set(short)].map((name) => `"${name}" is already in use`);
  if (texts.length) conflict = { reason: 'ShortNamesConflict', message: texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]` };
  else if (wanted.shortNames?.length) names.shortNames = wanted.shortNames;
  else delete names.shortNames;
  take('kind', kinds, 'KindConflict');
  take('listKind', kinds, 'ListKindConflict');
  if (wanted.categories?.length) names.categories = wanted.categories;
  else delete names.categories;
  return { names, conflict };
}
