// Bootstrap roles and bindings after an update of the server: what they lack is added, what people added stays. Pure.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { PolicyRule } from './authorizer.ts';
import { uncovered } from './rules.ts';

const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

type Subject = { kind: string; name: string; namespace?: string };

const sameSubject = (a: Subject, b: Subject): boolean =>
  a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');

/** Labels and annotations that are not there yet, or have another value. */
const merged = (now: Record<string, string> = {}, wanted: Record<string, string> = {}): Record<string, string> | undefined =>
  Object.entries(wanted).some(([key, value]) => now[key] !== value) ? { ...now, ...wanted } : undefined;

/** The part of the object that grants, where it lacks something. */
function grants(present: KubeObject, wanted: KubeObject): Record<string, unknown> {
  if (wanted['roleRef']) {
    const subjects = (present['subjects'] ?? []) as Subject[];
    const missing = ((wanted['subjects'] ?? []) as Subject[]).filter((one) => !subjects.some((other) => sameSubject(one, other)));
    return missing.length > 0 ? { subjects: [...subjects, ...missing] } : {};
  }
  // Rules of an aggregated role are its controller's.
  if (wanted['aggregationRule']) return present['aggregationRule'] ? {} : { aggregationRule: wanted['aggregationRule'] };
  const rules = (present['rules'] ?? []) as PolicyRule[];
  const missing = uncovered(rules, (wanted['rules'] ?? []) as PolicyRule[]);
  return missing.length > 0 ? { rules: [...rules, ...missing] } : {};
}

/**
 * What has to be written so that the object grants at least what it should; undefined when nothing has to, or when its annotation says
 * `autoupdate: false`. A binding whose role is another one is left alone: a binding's role cannot be changed, and somebody wanted it so.
 */
export function reconciled(present: KubeObject, wanted: KubeObject): KubeObject | undefined {
  if (present.metadata.annotations?.[AUTO_UPDATE] === 'false') return undefined;
  if (wanted['roleRef'] && wanted['roleRef'].name !== present['roleRef']?.name) return undefined;
  const labels = merged(present.metadata.labels, wanted.metadata.labels);
  const annotations = merged(present.metadata.annotations, wanted.metadata.annotations);
  const more = grants(present, wanted);
  if (!labels && !annotations && Object.keys(more).length === 0) return undefined;
  return {
    ...present,
    ...more,
    metadata: { ...present.metadata, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) },
  };
}
