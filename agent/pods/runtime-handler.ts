// Which runtime runs a pod, and whether it can do what the pod asks of a runtime.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { isStatusError, type KubeObject } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import type { Cri } from '../cri/index.ts';

/** '' is the default. @throws Error for a class that is not there, a handler that this node has not, or one that cannot map users */
export async function runtimeHandler(pod: Pod, client: Client, cri: Cri): Promise<string> {
  const { hostUsers, runtimeClassName } = pod.spec ?? {};
  if (!runtimeClassName && hostUsers !== false) return '';
  const handler = runtimeClassName ? await handlerOf(runtimeClassName, client) : '';
  const { handlers } = await cri.status();
  const found = handlers.find(({ name }) => name === handler);
  if (!found) throw new Error(`no runtime for "${handler}" is configured`);
  if (hostUsers === false && !found.userNamespaces)
    throw new Error("can't set `spec.hostUsers: false`, runtime does not support user namespaces");
  return handler;
}

async function handlerOf(name: string, client: Client): Promise<string> {
  try {
    const found = await client.get<KubeObject & { handler: string }>(RESOURCES.runtimeclasses, name);
    return found.handler;
  } catch (error) {
    throw isStatusError(error, 'NotFound')
      ? new Error(`failed to get sandbox runtime: RuntimeClass.node.k8s.io "${name}" not found`)
      : error;
  }
}
