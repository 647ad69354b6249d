// The podresources API: which devices the pods of this node have, for monitoring agents on its socket.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { unixService } from '../../kit/grpc/index.ts';
import { isFinished, sidecarsOf } from '../../kit/pods/index.ts';
import type { Logger, Service } from '../../kit/run/index.ts';
import type { Devices } from './devices.ts';
import { podResourcesMethods } from './wire.ts';

export interface PodResourcesOptions {
  devices: Devices;
  /** Of this node. */
  pods(): readonly Pod[];
  socket: string;
  log: Logger;
}

/** CPUs and memory are not tracked one by one: their lists stay empty, as upstream's without such a policy. */
export function podResourcesService({ devices, pods, socket, log }: PodResourcesOptions): Service {
  const device = (resource: string, id: string): object => {
    const topology = devices.stock.device(resource, id)?.topology;
    return { resourceName: resource, deviceIds: [id], ...(topology ? { topology } : {}) };
  };
  const container = (pod: Pod, { name }: Container): object => ({
    name,
    devices: devices.of(pod.metadata.uid ?? '', name).flatMap(({ resource, deviceIds }) => deviceIds.map((id) => device(resource, id))),
  });
  const resourcesOf = (pod: Pod): object => {
    const containers = [...sidecarsOf(pod), ...(pod.spec?.containers ?? [])];
    const { name, namespace } = pod.metadata;
    return { name, namespace, containers: containers.map((one) => container(pod, one)) };
  };
  const active = (): Pod[] => pods().filter((pod) => !isFinished(pod));
  return unixService({
    name: 'pod resources',
    socket,
    mode: 0o600,
    services: () => [
      {
        methods: podResourcesMethods(),
        answers: {
          List: () => ({ podResources: active().map(resourcesOf) }),
          GetAllocatableResources: () => ({
            devices: devices.stock.resources.flatMap((resource) =>
              [...(devices.stock.of(resource)?.healthy ?? [])].map((id) => device(resource, id)),
            ),
          }),
          Get: ({ podName, podNamespace }: { podName: string; podNamespace: string }) => {
            const found = pods().find(({ metadata }) => metadata.name === podName && metadata.namespace === podNamespace);
            if (!found) throw new Error(`pod ${podName} in namespace ${podNamespace} not found`);
            return { podResources: resourcesOf(found) };
          },
        },
      },
    ],
    log,
  });
}
