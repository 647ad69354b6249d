// Pod templates inside other kinds: defaults, checks and warnings are those of the PodTemplate kind.
import type { KubeObject, Problem } from '../meta/index.ts';
import { podTemplate } from './core/pod-template.ts';

const wrap = (template: any): KubeObject => ({ apiVersion: 'v1', kind: 'PodTemplate', metadata: {}, template });

/** In place. */
export function defaultTemplate(template: any): void {
  if (template) podTemplate.defaults?.(wrap(template));
}

/** `path` is where the template stands, e.g. `spec.template`. */
export function validateTemplate(template: any, path: string, old?: any): Problem[] {
  const problems = podTemplate.validate?.(wrap(template ?? {}), old === undefined ? undefined : wrap(old)) ?? [];
  return problems.map((problem) => ({ ...problem, field: problem.field.replace(/^template/, path) }));
}

export function templateWarnings(template: any, path: string, old?: any): string[] {
  const warnings = podTemplate.warnings?.(wrap(template ?? {}), old === undefined ? undefined : wrap(old)) ?? [];
  return warnings.map((warning) => warning.replace(/^template/, path));
}
