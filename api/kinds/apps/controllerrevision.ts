// apps/v1 ControllerRevision.
import { controllerOf, type KubeObject, type Problem, parseApiVersion, required } from '../../meta/index.ts';
import { ageColumn, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { immutable, nonNegative } from '../rules.ts';

function validateData(data: unknown): Problem[] {
  if (data === undefined || data === null) return [required('data', 'data is mandatory')];
  return typeof data === 'object' && !Array.isArray(data) ? [] : [required('data', 'data must be a valid JSON object')];
}

function controllerText(object: KubeObject): string {
  const controller = controllerOf(object);
  if (!controller) return '<none>';
  const { group } = parseApiVersion(controller.apiVersion);
  return `${controller.kind.toLowerCase()}${group ? `.${group}` : ''}/${controller.name}`;
}

export const controllerRevision: Behaviour = {
  validate: (object, old) => [...nonNegative('revision', object['revision']), ...(old ? [] : validateData(object['data']))],
  validateUpdate: (object, old) => immutable('data', object['data'], old['data']),
  columns: [nameColumn, string('Controller', controllerText), string('Revision', (object) => object['revision'] ?? 0), ageColumn],
};
