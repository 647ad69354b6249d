// Whether an APIService can be used: the checks of upstream's availability controllers, in their order and words.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { Reader } from '../request.ts';
import { readyAddresses, serviceOf, slicesOf } from '../webhook/index.ts';
import { type Condition, LOCAL, specOf } from './api-service.ts';

/** At most so many endpoints are asked before all count as failing; one that answers is enough. */
const ATTEMPTS = 5;

const condition = (status: Condition['status'], reason: string, message: string): Condition => ({
  type: 'Available',
  status,
  reason,
  message,
});

/** `probe` asks one endpoint after the other for the group's document; it throws the reason why one does not answer. */
export async function availabilityOf(apiService: KubeObject, reader: Reader, probe: () => Promise<void>): Promise<Condition> {
  const { service } = specOf(apiService);
  if (service === undefined) return LOCAL;
  return unreachable(apiService, reader) ?? (await answers(probe));
}

function unreachable(apiService: KubeObject, reader: Reader): Condition | undefined {
  const { name, namespace, port = 443 } = specOf(apiService).service!;
  const reference = { name, namespace };
  const object = serviceOf(reader, reference);
  const what = `service/${name} in ${JSON.stringify(namespace)}`;
  if (!object) return condition('False', 'ServiceNotFound', `${what} is not present`);
  const { type = 'ClusterIP', ports = [] } = object['spec'] ?? {};
  if (type !== 'ClusterIP') return undefined;
  const servicePort = (ports as { name?: string; port: number }[]).find((one) => one.port === port);
  if (!servicePort) return condition('False', 'ServicePortError', `${what} is not listening on port ${port}`);
  const slices = slicesOf(reader, reference);
  if (slices.length === 0) return condition('False', 'EndpointsNotFound', `cannot find endpointslices for ${what}`);
  const portName = servicePort.name ?? '';
  if (readyAddresses(slices, portName).length > 0) return undefined;
  const why = `have no addresses with port name ${JSON.stringify(portName)}`;
  return condition('False', 'MissingEndpoints', `endpointslices for ${what} ${why}`);
}

async function answers(probe: () => Promise<void>): Promise<Condition> {
  try {
    await probe().catch(() => Promise.any(Array.from({ length: ATTEMPTS - 1 }, probe)));
    return condition('True', 'Passed', 'all checks passed');
  } catch (error) {
    const last = error instanceof AggregateError ? error.errors.at(-1) : error;
    return condition('False', 'FailedDiscoveryCheck', (last as Error).message);
  }
}
