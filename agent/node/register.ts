// Registration: the Node object is there, and the control plane has given it a range of pod addresses.
import type { Node } from '../../api/gen/types/core.v1.ts';
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import { type Clock, type Logger, untilItSucceeds } from '../../kit/run/index.ts';
import { type NodeEvents, tellChanges } from './events.ts';
import { NODE_ANNOTATIONS, type NodeFacts, newNode, nodeLabels, nothingAdvertised } from './node-object.ts';

export interface RegisterOptions {
  client: Client;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  tell: NodeEvents;
}

export interface Registration {
  uid: string;
  podCIDR: string;
}

type NodeObject = Node & KubeObject;

/**
 * Creates the Node, or brings the one that is there up to date, and waits for its pod range. Tries for ever, until `signal`.
 * `isFirst`: this machine was never registered, so a Node of its name was another one's.
 */
export async function registerNode(facts: NodeFacts, isFirst: boolean, options: RegisterOptions): Promise<Registration> {
  const { clock, log, signal } = options;
  const onFailure = (error: unknown) => log.warn({ err: error, node: facts.name }, 'node not registered yet');
  return await untilItSucceeds({ baseMs: 50, maxMs: 5000, clock, signal, onFailure }, async () => {
    const node = await createOrUpdate(facts, isFirst, options);
    const ranged = node.spec?.podCIDR ? node : await waitForRange(facts.name, node, options);
    return { uid: ranged.metadata.uid ?? '', podCIDR: ranged.spec?.podCIDR ?? '' };
  });
}

async function createOrUpdate(facts: NodeFacts, isFirst: boolean, { client, clock, tell }: RegisterOptions): Promise<NodeObject> {
  const started = () => tell('Normal', 'Starting', 'Starting kubelet.');
  try {
    const node = await client.create<NodeObject>(RESOURCES.nodes, newNode(facts, clock.nowMs()));
    started();
    tellChanges(tell, facts.name, [], node.status?.conditions ?? []);
    return node;
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
  const metadata = { labels: nodeLabels(facts), annotations: NODE_ANNOTATIONS };
  const node = await client.patch<NodeObject>(RESOURCES.nodes, facts.name, 'strategic', { metadata });
  const none = nothingAdvertised(node.status);
  if (isFirst && Object.keys(none).length > 0)
    await client.patch(
      RESOURCES.nodes,
      facts.name,
      'strategic',
      { status: { capacity: none, allocatable: none } },
      { subresource: 'status' },
    );
  started();
  return node;
}

async function waitForRange(name: string, from: NodeObject, { client, signal }: RegisterOptions): Promise<NodeObject> {
  const params = { fieldSelector: `metadata.name=${name}`, resourceVersion: from.metadata.resourceVersion ?? '0' };
  for await (const event of client.watch<NodeObject>(RESOURCES.nodes, params, signal)) {
    if (event.type === 'DELETED') throw new Error('the node was deleted while it waited for its pod range');
    if (event.type !== 'BOOKMARK' && event.object.spec?.podCIDR) return event.object;
  }
  throw new Error('the watch ended before the node had a pod range');
}
