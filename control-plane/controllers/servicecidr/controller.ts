// Keeps ServiceCIDRs as long as addresses of theirs are in use.
import type { IPAddress, ServiceCIDR } from '../../../api/gen/types/networking.v1.ts';
import { keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done, type Outcome } from '../../../kit/queue/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { FINALIZER, nextStep } from './plan.ts';

async function stepCidr(
  { client, clock }: ControllerContext,
  cidr: ServiceCIDR,
  cidrs: readonly ServiceCIDR[],
  addresses: readonly IPAddress[],
): Promise<Outcome> {
  const { name = '', uid, resourceVersion, finalizers = [] } = cidr.metadata;
  const step = nextStep(cidr, cidrs, addresses, clock.nowMs());
  const setFinalizers = (next: string[]) =>
    client.patch(RESOURCES.servicecidrs, name, 'merge', { metadata: { uid, resourceVersion, finalizers: next.length ? next : null } });
  if (step.do === 'wait') return { retryAfterMs: step.ms };
  if (step.do === 'hold') await setFinalizers([...finalizers, FINALIZER]);
  if (step.do === 'release') await setFinalizers(finalizers.filter((other) => other !== FINALIZER));
  if (step.do === 'tell') {
    const condition = { type: 'Ready', ...step.condition, lastTransitionTime: rfc3339(clock.nowMs()) };
    const status = { conditions: [...(cidr.status?.conditions ?? []).filter(({ type }) => type !== 'Ready'), condition] };
    await client.patch(RESOURCES.servicecidrs, name, 'merge', { metadata: { uid, resourceVersion }, status }, { subresource: 'status' });
  }
  return done;
}

export const serviceCidrController: Controller = {
  name: 'servicecidr',
  user: account('service-cidrs-controller'),
  start(context, signal, ready) {
    const cidrs = context.informers.of<ServiceCIDR>(RESOURCES.servicecidrs);
    const addresses = context.informers.of<IPAddress>(RESOURCES.ipaddresses);
    const ranges = reconcilerOf('servicecidr', context, signal, ready, async (name) => {
      const cidr = cidrs.get(name);
      return cidr ? await stepCidr(context, cidr, cidrs.list(), addresses.list()) : done;
    });
    const leaving = () => {
      for (const cidr of cidrs.list()) if (cidr.metadata.deletionTimestamp) ranges.add(keyOf(cidr));
    };
    addresses.on({ deleted: leaving });
    cidrs.on({
      added: (cidr) => {
        ranges.add(keyOf(cidr));
        leaving();
      },
      updated: (_, cidr) => ranges.add(keyOf(cidr)),
      deleted: leaving,
    });
  },
};
