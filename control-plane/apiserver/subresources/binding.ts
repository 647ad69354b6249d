// pods/binding and bindings: the scheduler's decision, written once.
import { badRequest, conflict, deepCopy, type KubeObject, notFound, StatusError } from '../../../api/meta/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import type { SubresourceHandler } from '../handlers.ts';
import { setPodCondition } from '../write/conditions.ts';
import { rewrite } from '../write/rewrite.ts';
import { uidMismatch } from '../write/uid.ts';
import type { CoreContext } from './context.ts';

const PODS = { group: '', plural: 'pods' };

export const binding: SubresourceHandler = {
  async create(context) {
    const { core, namespace, target } = context as CoreContext;
    let body = await context.decode();
    const name = target.name || (body.metadata.name ?? '');
    if (name !== body.metadata.name) throw badRequest('name in URL does not match name in Binding object');
    checkTarget(body);
    body = await context.admit('CREATE', body);
    const to = checkTarget(body);
    const change = (pod: KubeObject) => bind(pod, body, to, rfc3339(core.clock.nowMs()));
    if (context.dryRun) {
      const item = core.storage.get(PODS, namespace, name);
      if (!item) throw notFound(PODS, name);
      change(deepCopy(item.object));
    } else await rewrite(core, PODS, namespace, name, change);
    return { status: 201, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
  },
};

function checkTarget(body: KubeObject): string {
  const { kind = '', name = '' } = (body['target'] ?? {}) as { kind?: string; name?: string };
  const problems: string[] = [];
  if (kind !== '' && kind !== 'Node') problems.push(`target.kind: Unsupported value: "${kind}": supported values: "Node", "<empty>"`);
  if (name === '') problems.push('target.name: Required value');
  if (problems.length) throw new StatusError(500, '', problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`);
  return name;
}

/** Throws 409 when the pod is bound, going, or gated. */
function bind(pod: KubeObject, body: KubeObject, node: string, now: string): undefined {
  const name = pod.metadata.name!;
  const refuse = (why: string) => conflict({ group: '', plural: 'pods/binding' }, name, why);
  const { uid } = body.metadata;
  if (uid && uid !== pod.metadata.uid) throw uidMismatch(PODS, pod, uid);
  if (pod.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod['spec'].nodeName) throw refuse(`pod ${name} is already assigned to node "${pod['spec'].nodeName}"`);
  if (pod['spec'].schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  pod['spec'].nodeName = node;
  if (body.metadata.annotations) pod.metadata.annotations = { ...pod.metadata.annotations, ...body.metadata.annotations };
  if (body.metadata.labels) pod.metadata.labels = { ...pod.metadata.labels, ...body.metadata.labels };
  setPodCondition(pod, { type: 'PodScheduled', status: 'True' }, now);
}
