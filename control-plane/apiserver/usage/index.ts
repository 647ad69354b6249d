// Entry of usage: the handlers of metrics.k8s.io, for `kubectl top`.
import { type KubeObject, notFound } from '../../../api/meta/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { ListBody } from '../bodies.ts';
import { type AgentCredentials, addressOf } from '../connect/index.ts';
import type { HandlerContext, ServerServices, SubresourceHandler, SubresourceHandlers } from '../handlers.ts';
import { selectionOf } from '../selection.ts';
import type { CoreContext } from '../subresources/context.ts';
import { UsageCollector } from './collector.ts';
import type { NodeUsage } from './rates.ts';

const NODES = { group: '', plural: 'nodes' };
const PODS = { group: '', plural: 'pods' };

/** Resolves to what is known of each node; nodes whose agent does not answer are left out. */
type Measure = (only?: string) => Promise<[KubeObject, NodeUsage][]>;

function metricsOf(kind: string, of: KubeObject, { atMs, windowMs }: NodeUsage): KubeObject {
  const { name, namespace, labels } = of.metadata;
  return {
    kind,
    apiVersion: 'metrics.k8s.io/v1beta1',
    metadata: { name, ...(namespace ? { namespace } : {}), creationTimestamp: rfc3339(atMs), ...(labels ? { labels } : {}) },
    timestamp: rfc3339(atMs),
    window: `${windowMs / 1000}s`,
  } as KubeObject;
}

const nodeMetrics = ([node, usage]: [KubeObject, NodeUsage]): KubeObject => ({
  ...metricsOf('NodeMetrics', node, usage),
  usage: usage.node,
});

/** Pods that the server still knows, and that the namespace and selectors name. */
function podMetrics({ reader }: ServerServices, measured: readonly [KubeObject, NodeUsage][], namespace: string): KubeObject[] {
  return measured.flatMap(([, usage]) =>
    usage.pods.flatMap((pod) => {
      const known = namespace === '' || pod.namespace === namespace ? reader.get(PODS, pod.namespace, pod.name) : undefined;
      return known ? [{ ...metricsOf('PodMetrics', known, usage), containers: pod.containers }] : [];
    }),
  );
}

function selected(context: HandlerContext, objects: readonly KubeObject[]): ListBody {
  const { target } = context as CoreContext;
  const { matches } = selectionOf(target, context.request.query);
  const place = ({ metadata }: KubeObject) => `${metadata.namespace ?? ''}/${metadata.name}`;
  const found = objects.filter(matches).sort((a, b) => (place(a) < place(b) ? -1 : 1));
  return new ListBody(target.served, {} as ListBody['metadata'], found);
}

export function usageHandlers(services: ServerServices, credentials: AgentCredentials): SubresourceHandlers {
  const { reader } = services;
  const collector = new UsageCollector(services.clock, services.log);
  const measure: Measure = async (only) => {
    const nodes = reader.list(NODES);
    collector.retain(new Set(nodes.map((node) => node.metadata.name!)));
    const wanted = nodes.filter((node) => (only === undefined || node.metadata.name === only) && node['status']?.addresses?.length);
    const found = await Promise.all(
      wanted.map(async (node) => {
        const usage = await collector.of(node.metadata.name!, { scheme: 'https', ...addressOf(node), tls: credentials });
        return usage ? [[node, usage] as [KubeObject, NodeUsage]] : [];
      }),
    );
    return found.flat();
  };
  const nodes: SubresourceHandler = {
    async get({ name }) {
      const [found] = await measure(name);
      if (!found) throw notFound({ group: 'metrics.k8s.io', plural: 'nodemetrics' }, name);
      return { status: 200, body: nodeMetrics(found) };
    },
    list: async (context) => ({ status: 200, body: selected(context, (await measure()).map(nodeMetrics)) }),
  };
  const pods: SubresourceHandler = {
    async get({ namespace, name }) {
      const nodeName: string = reader.get(PODS, namespace, name)?.['spec'].nodeName ?? '';
      const measured = nodeName === '' ? [] : await measure(nodeName);
      const found = podMetrics(services, measured, namespace).find((pod) => pod.metadata.name === name);
      if (!found) throw notFound({ group: 'metrics.k8s.io', plural: 'podmetrics' }, `${namespace}/${name}`);
      return { status: 200, body: found };
    },
    list: async (context) => ({ status: 200, body: selected(context, podMetrics(services, await measure(), context.namespace)) }),
  };
  return { 'metrics.k8s.io/nodes': nodes, 'metrics.k8s.io/pods': pods };
}
