// pods/eviction: deletion under the protection of disruption budgets.
import {
  badRequest,
  type KubeObject,
  notFound,
  type StatusCause,
  StatusError,
  selectorFrom,
  tooManyRequests,
} from '../../../api/meta/index.ts';
import { decodeObject } from '../../../api/wire/index.ts';
import { isFinished, isReady } from '../../../kit/pods/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import type { Core } from '../core.ts';
import type { SubresourceHandler } from '../handlers.ts';
import type { ApiRequest } from '../request.ts';
import { setPodCondition } from '../write/conditions.ts';
import type { DeleteOptions } from '../write/delete-options.ts';
import { checkDeletePreconditions, type Deleted, deleteItem } from '../write/deletion.ts';
import { rewrite } from '../write/rewrite.ts';
import { yamlReader } from '../write/yaml-reader.ts';
import type { CoreContext } from './context.ts';

const PODS = { group: '', plural: 'pods' };
const BUDGETS = { group: 'policy', plural: 'poddisruptionbudgets' };
/** More pods on their way out than this are not let through at once. */
const DISRUPTED_MAX = 2000;

export const eviction: SubresourceHandler = {
  async create(context) {
    const { core, namespace, name, request, target } = context as CoreContext;
    const body = await decodeEviction(request);
    if (body.metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object');
    const given = (body['deleteOptions'] ?? {}) as { dryRun?: string[] };
    const options: DeleteOptions = { ...(given as object), dryRun: (given.dryRun?.length ?? 0) > 0 || context.dryRun };
    const pod = core.storage.get(PODS, namespace, name)?.object;
    if (!pod) throw notFound(PODS, name);
    await context.admit('CREATE', body);
    checkDeletePreconditions(target, pod, options);
    if (isBudgeted(pod)) await takeFromBudget(core, pod, options.dryRun);
    if (!options.dryRun) await evict(core, request, target, pod, options);
    return { status: 201, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
  },
};

async function decodeEviction(request: ApiRequest): Promise<KubeObject> {
  const body = await request.body();
  if (!(body instanceof Uint8Array)) return body;
  const text = Buffer.from(body).toString();
  // policy/v1beta1's Eviction is the same and still accepted here.
  const bytes = text.includes('policy/v1beta1') ? Buffer.from(text.replace('policy/v1beta1', 'policy/v1')) : body;
  const { object } = decodeObject(
    bytes,
    request.headers['content-type'],
    { group: 'policy', version: 'v1', kind: 'Eviction' },
    { fieldValidation: 'Ignore', readYaml: await yamlReader(request, bytes) },
  );
  object.metadata ??= {};
  return object;
}

async function evict(
  core: Core,
  request: ApiRequest,
  target: CoreContext['target'],
  pod: KubeObject,
  options: DeleteOptions,
): Promise<Deleted> {
  const { namespace = '', name = '' } = pod.metadata;
  const message = 'Eviction API: evicting';
  await rewrite(core, PODS, namespace, name, (copy) => {
    if (copy.metadata.uid !== pod.metadata.uid) return false;
    setPodCondition(
      copy,
      { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message },
      rfc3339(core.clock.nowMs()),
    );
    return undefined;
  });
  const again = { ...options, preconditions: { uid: pod.metadata.uid! } };
  return deleteItem(core, { ...target, subresource: '' }, request, core.storage.get(PODS, namespace, name), again, false);
}

/** Pods that are not running yet, or are over, cost no budget. */
function isBudgeted(pod: KubeObject): boolean {
  return pod.metadata.deletionTimestamp === undefined && !isFinished(pod) && pod['status']?.phase !== 'Pending';
}

async function takeFromBudget(core: Core, pod: KubeObject, dryRun: boolean): Promise<void> {
  const { namespace = '', name = '' } = pod.metadata;
  const budgets = core.storage
    .cache(BUDGETS)
    .range(`${namespace}/`, undefined)
    .map((item) => item.object)
    .filter((budget) => selectorFrom(budget['spec']?.selector).matches(pod.metadata.labels));
  if (budgets.length > 1)
    // Without a reason: upstream's answer is a plain error.
    throw new StatusError(500, '', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  const budget = budgets[0];
  if (budget === undefined) return;
  if (!isReady(pod) && mayGoUnhealthy(budget)) return;
  if (dryRun) {
    take(budget, name);
    return;
  }
  await rewrite(core, BUDGETS, namespace, budget.metadata.name!, (copy) => {
    take(copy, name);
    copy['status'].disruptionsAllowed--;
    copy['status'].disruptedPods = { ...copy['status'].disruptedPods, [name]: rfc3339(core.clock.nowMs()) };
    return undefined;
  });
}

function mayGoUnhealthy(budget: KubeObject): boolean {
  if (budget['spec']?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget['status'] ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

/** Throws 429 when the budget does not allow it now. */
function take(budget: KubeObject, _pod: string): void {
  const {
    observedGeneration = 0,
    disruptionsAllowed = 0,
    disruptedPods = {},
    desiredHealthy = 0,
    currentHealthy = 0,
  } = budget['status'] ?? {};
  const name = budget.metadata.name!;
  const refuse = (message: string, retryAfterSeconds: number): StatusError => {
    const causes: StatusCause[] = [{ reason: 'DisruptionBudget', message }];
    return tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", retryAfterSeconds, causes);
  };
  if (observedGeneration < (budget.metadata.generation ?? 0))
    throw refuse(`The disruption budget ${name} is still being processed by the server.`, 10);
  if (disruptionsAllowed < 0) throw refuse('pdb disruptions allowed is negative', 0);
  if (Object.keys(disruptedPods).length > DISRUPTED_MAX)
    throw refuse('DisruptedPods map too big - too many evictions not confirmed by PDB controller', 0);
  if (disruptionsAllowed === 0)
    throw refuse(`The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`, 0);
}
