// Runs the admission plug-ins: all that change first, later all that only check; gives back what was taken when the write fails.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { Core, Target } from '../core.ts';
import type { AdmissionMetrics, Phase } from '../metrics/index.ts';
import { type AdmissionPlugin, type ApiRequest, type Attributes, addWaited, annotate, type Settle } from '../request.ts';
import { inSpan } from '../tracing/index.ts';
import type { Reservation } from './hooks.ts';
import { operationOptions } from './operation-options.ts';

export function attributesOf(
  target: Target,
  request: ApiRequest,
  operation: Attributes['operation'],
  dryRun: boolean,
  object?: KubeObject,
  oldObject?: KubeObject,
  deleteOptions?: object,
): Attributes {
  const attributes = new RequestAttributes(target, request, operation, dryRun, deleteOptions);
  attributes.name = target.name || (object?.metadata?.name ?? '');
  if (object) attributes.object = object;
  if (oldObject) attributes.oldObject = oldObject;
  return attributes;
}

class RequestAttributes implements Attributes {
  readonly operation: Attributes['operation'];
  readonly kind: Target['kind'];
  readonly subresource: string;
  readonly namespace: string;
  name = '';
  declare object?: KubeObject;
  declare oldObject?: KubeObject;
  readonly objectKind: Attributes['objectKind'];
  readonly user: Attributes['user'];
  readonly dryRun: boolean;
  readonly warnings: string[];
  round: Attributes['round'] = 0;
  again = false;
  readonly #request: ApiRequest;
  readonly #deleteOptions: object | undefined;

  constructor(target: Target, request: ApiRequest, operation: Attributes['operation'], dryRun: boolean, deleteOptions: object | undefined) {
    const { kind, subresource, namespace } = target;
    this.operation = operation;
    this.kind = kind;
    this.subresource = subresource;
    this.namespace = namespace;
    this.objectKind = (subresource === '' ? undefined : kind.subresources.find((sub) => sub.name === subresource)?.responseKind) ?? kind;
    this.user = request.user!;
    this.dryRun = dryRun;
    this.warnings = request.warnings;
    this.#request = request;
    this.#deleteOptions = deleteOptions;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  get options(): Record<string, unknown> | undefined {
    return operationOptions(this.operation, this.#request.query, this.#deleteOptions);
  }

  annotate(key: string, value: string): void {
    annotate(this.#request, key, value);
  }

  waited(seconds: number): void {
    addWaited(this.#request, seconds);
  }
}

/** Mutating phase. Plug-ins may replace `attributes.object`; a change that others should see asks all of them once more. */
export const admit = (core: Core, attributes: Attributes): Promise<void> => inSpan('admission', () => mutate(core, attributes));

async function mutate(core: Core, attributes: Attributes): Promise<void> {
  await askAll(core, attributes);
  if (!attributes.again) return;
  attributes.round = 1;
  await askAll(core, attributes);
}

async function askAll(core: Core, attributes: Attributes): Promise<void> {
  const timer = new PluginTimer(core, 'admit', attributes.operation);
  for (const plugin of core.admission) {
    if (!plugin.admit) continue;
    try {
      const asked = plugin.admit(attributes);
      if (asked) await asked; // most have nothing to say to most requests: nobody waits for them
    } catch (error) {
      timer.count(plugin, true);
      throw error;
    }
    timer.count(plugin, false);
  }
}

/** The time of each plug-in, from the end of the one before it: the clock is not free. */
class PluginTimer {
  readonly #metrics: AdmissionMetrics;
  readonly #phase: Phase;
  readonly #operation: string;
  #sinceMs = performance.now();

  constructor(core: Core, phase: Phase, operation: string) {
    this.#metrics = core.services.admissionMetrics;
    this.#phase = phase;
    this.#operation = operation;
  }

  count({ name }: AdmissionPlugin, rejected: boolean): void {
    const nowMs = performance.now();
    this.#metrics.plugin(name, this.#phase, this.#operation, rejected, (nowMs - this.#sinceMs) / 1000);
    this.#sinceMs = nowMs;
  }
}

/** Validating phase; the returned function tells plug-ins that reserved something how the write ended. */
export const checkAdmission = (core: Core, attributes: Attributes): Promise<Settle | undefined> =>
  inSpan('admission', () => validate(core, attributes));

async function validate(core: Core, attributes: Attributes): Promise<Settle | undefined> {
  const timer = new PluginTimer(core, 'validate', attributes.operation);
  let settles: Settle[] | undefined;
  for (const plugin of core.admission) {
    if (!plugin.validate) continue;
    try {
      const asked = plugin.validate(attributes);
      const settle = asked && (await asked);
      if (settle) (settles ??= []).push(settle);
    } catch (error) {
      timer.count(plugin, true);
      await settleAll(settles, false);
      throw error;
    }
    timer.count(plugin, false);
  }
  return settles && ((done) => settleAll(settles, done));
}

async function settleAll(settles: Settle[] | undefined, done: boolean): Promise<void> {
  for (const settle of settles?.reverse() ?? []) await settle(done);
}

/** What hooks and plug-ins reserved for a write: kept when it was done, else given back. */
export async function settleReserved(done: boolean, reservation: Reservation | undefined, settle: Settle | undefined): Promise<void> {
  if (done) await reservation?.commit();
  else reservation?.release();
  await settle?.(done);
}
