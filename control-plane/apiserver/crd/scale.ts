// The scale sub-resource of a custom kind: where its numbers are, and what they may be.
import type { Behaviour } from '../../../api/kinds/index.ts';
import { invalidValue, type KubeObject, type Problem } from '../../../api/meta/index.ts';
import { pathGetter } from './jsonpath.ts';
import type { ScalePaths } from './spec.ts';

export function scaleOf({ specReplicasPath, statusReplicasPath, labelSelectorPath }: ScalePaths): NonNullable<Behaviour['scale']> {
  const selector = labelSelectorPath ? pathGetter(labelSelectorPath) : undefined;
  return {
    specReplicas: specReplicasPath,
    statusReplicas: statusReplicasPath,
    selector: (object: KubeObject) => String(selector?.(object)[0] ?? ''),
  };
}

export const validateScaleSpec = (object: KubeObject, { specReplicasPath }: ScalePaths): Problem[] => replicas(object, specReplicasPath);

export function validateScaleStatus(object: KubeObject, { statusReplicasPath, labelSelectorPath }: ScalePaths): Problem[] {
  const problems = replicas(object, statusReplicasPath);
  if (!labelSelectorPath) return problems;
  const found = follow(object, labelSelectorPath, 'string');
  return 'why' in found ? [...problems, invalidValue(labelSelectorPath, '', found.why)] : problems;
}

const REPLICAS_MAX = 2 ** 31 - 1;

function replicas(object: KubeObject, path: string): Problem[] {
  const found = follow(object, path, 'int64');
  if ('why' in found) return [invalidValue(path, 0, found.why)];
  const value = found.value as number | bigint | undefined;
  if (value === undefined) return [];
  if (value < 0) return [invalidValue(path, value, 'should be a non-negative integer')];
  return value > REPLICAS_MAX ? [invalidValue(path, value, `should be less than or equal to ${REPLICAS_MAX}`)] : [];
}

/** Through maps only; upstream's texts name the path up to where it is not what it should be. */
function follow(object: unknown, path: string, wanted: 'string' | 'int64'): { value: unknown } | { why: string } {
  const steps = path.replace(/^\./, '').split('.');
  let value = object;
  for (const [i, step] of steps.entries()) {
    if (typeof value !== 'object' || Array.isArray(value))
      return {
        why: `.${steps.slice(0, i + 1).join('.')} accessor error: ${shown(value)} is of the type ${goType(value)}, expected map[string]interface{}`,
      };
    if (value === null || !Object.hasOwn(value, step)) return { value: undefined };
    value = (value as Record<string, unknown>)[step];
  }
  if (goType(value) === wanted) return { value };
  return { why: `.${steps.join('.')} accessor error: ${shown(value)} is of the type ${goType(value)}, expected ${wanted}` };
}

function goType(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return 'int64';
  if (typeof value === 'number') return 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}

const shown = (value: unknown): string => (value === null ? '<nil>' : typeof value === 'object' ? JSON.stringify(value) : String(value));
