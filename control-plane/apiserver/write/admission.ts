// Runs the admission plug-ins: all that change first, later all that only check; gives back what was taken when the write fails.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { Core, Target } from '../core.ts';
import type { Phase } from '../metrics/index.ts';
import { type AdmissionPlugin, type ApiRequest, type Attributes, annotate } from '../request.ts';
import { inSpan } from '../tracing/index.ts';
import type { Reservation } from './hooks.ts';
import { operationOptions } from './operation-options.ts';

export type Undo = () => Promise<void>;

export function attributesOf(
  target: Target,
  request: ApiRequest,
  operation: Attributes['operation'],
  dryRun: boolean,
  object?: KubeObject,
  oldObject?: KubeObject,
  deleteOptions?: object,
): Attributes {
  return {
    operation,
    kind: target.kind,
    subresource: target.subresource,
    namespace: target.namespace,
    name: target.name || (object?.metadata?.name ?? ''),
    ...(object ? { object } : {}),
    ...(oldObject ? { oldObject } : {}),
    objectKind: target.kind.subresources.find((sub) => sub.name === target.subresource)?.responseKind ?? target.kind,
    user: request.user!,
    dryRun,
    get signal() {
      return request.signal;
    },
    warnings: request.warnings,
    annotate: (key, value) => annotate(request, key, value),
    get options() {
      return operationOptions(operation, request.query, deleteOptions);
    },
    round: 0,
    again: false,
  };
}

/** Mutating phase. Plug-ins may replace `attributes.object`; a change that others should see asks all of them once more. */
export const admit = (core: Core, attributes: Attributes): Promise<void> => inSpan('admission', () => mutate(core, attributes));

async function mutate(core: Core, attributes: Attributes): Promise<void> {
  const askAll = async () => {
    for (const plugin of core.admission)
      if (plugin.admit) await timed(core, plugin, 'admit', attributes.operation, () => plugin.admit!(attributes));
  };
  await askAll();
  if (!attributes.again) return;
  attributes.round = 1;
  await askAll();
}

async function timed<T>(core: Core, { name }: AdmissionPlugin, phase: Phase, operation: string, work: () => Promise<T>): Promise<T> {
  const metrics = core.services.admissionMetrics;
  const started = performance.now();
  try {
    const result = await work();
    metrics.plugin(name, phase, operation, false, (performance.now() - started) / 1000);
    return result;
  } catch (error) {
    metrics.plugin(name, phase, operation, true, (performance.now() - started) / 1000);
    throw error;
  }
}

/** Validating phase; the returned function undoes what plug-ins reserved. */
export const checkAdmission = (core: Core, attributes: Attributes): Promise<Undo | undefined> =>
  inSpan('admission', () => validate(core, attributes));

async function validate(core: Core, attributes: Attributes): Promise<Undo | undefined> {
  let undos: Undo[] | undefined;
  try {
    for (const plugin of core.admission) {
      if (!plugin.validate) continue;
      const undo = await timed(core, plugin, 'validate', attributes.operation, () => plugin.validate!(attributes));
      if (undo) (undos ??= []).push(undo);
    }
  } catch (error) {
    await undoAll(undos);
    throw error;
  }
  return undos && (() => undoAll(undos));
}

async function undoAll(undos: Undo[] | undefined): Promise<void> {
  for (const undo of undos?.reverse() ?? []) await undo();
}

/** What hooks and plug-ins reserved for a write: kept when it was done, else given back. */
export async function settleReserved(done: boolean, reservation: Reservation | undefined, undo: Undo | undefined): Promise<void> {
  if (done) return await reservation?.commit();
  reservation?.release();
  await undo?.();
}
