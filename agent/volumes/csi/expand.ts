// Makes the file system of a volume as large as its driver's controller has made the volume, and tells the claim and the pod.
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { isStatusError, toInteger } from '../../../api/meta/index.ts';
import { type Client, type EventRecorder, RESOURCES } from '../../../kit/client/index.ts';
import type { Clock } from '../../../kit/run/index.ts';
import type { Claimed } from '../claims.ts';
import { VolumeProblem } from '../payload.ts';
import type { Driver } from './drivers.ts';
import { secretData } from './from-api.ts';
import { begun, type Growth, grown, growthOf, mayStaySmall, needsOffline, notGrown } from './grow.ts';
import { capability, type Places, podTarget, type Wanted } from './request.ts';
import { call } from './wire.ts';

export interface ExpanderOptions {
  client: Client;
  events: EventRecorder;
  clock: Clock;
  nodeName: string;
}

/** A volume of a pod that is there. */
export interface Mounted extends Places {
  pod: Pod;
  wanted: Wanted;
  driver: Driver;
  claimed: Claimed;
  /** It was there before: which size it had. */
  inUse?: { size: string | undefined };
}

type Claim = Claimed['claim'];

/** `not while in use`: it is made larger when it is mounted next. */
export type Outcome = { size: string } | 'nothing to do' | 'failed' | 'not while in use';

export class Expander {
  readonly #options: ExpanderOptions;

  constructor(options: ExpanderOptions) {
    this.#options = options;
  }

  /** Brings the volume to its size. @throws VolumeProblem when a volume that is being mounted cannot be used before */
  async expand(mounted: Mounted): Promise<Outcome> {
    const { claimed, driver, inUse, wanted } = mounted;
    const growth = growthOf(claimed.claim, claimed.volume, inUse?.size);
    if (!growth || !driver.can.has('EXPAND_VOLUME')) return 'nothing to do';
    if (wanted.readonly) {
      this.#tell(mounted, 'Warning', 'FileSystemResizeFailed', 'MountVolume.NodeExpandVolume failed', 'requested read-only file system');
      return 'nothing to do';
    }
    try {
      return await this.#grow(mounted, growth);
    } catch (error) {
      // Somebody else has written the claim: what it says now is another question.
      if (inUse && isStatusError(error, 'Conflict')) return 'failed';
      throw error;
    }
  }

  async #grow(mounted: Mounted, growth: Growth): Promise<Outcome> {
    const { claim } = mounted.claimed;
    const begunClaim = growth.isAccounted ? await this.#status(claim, begun()) : claim;
    try {
      await this.#ask(mounted, growth);
    } catch (error) {
      return this.#failed(mounted, growth, begunClaim, error as Error);
    }
    this.#tell(mounted, 'Normal', 'FileSystemResizeSuccessful', 'MountVolume.NodeExpandVolume succeeded', this.#options.nodeName);
    if (growth.isTold) await this.#status(begunClaim, grown(begunClaim, growth.size));
    return { size: growth.size };
  }

  async #ask({ driver, pod, staging, target, wanted }: Mounted, { size }: Growth): Promise<void> {
    await call(driver.socket, 'csi.v1.Node', 'NodeExpandVolume', {
      volumeId: wanted.handle,
      volumePath: target,
      ...(staging ? { stagingTargetPath: staging } : {}),
      capacityRange: { requiredBytes: Number(toInteger(size)) },
      volumeCapability: capability(wanted, driver.can, pod.spec?.securityContext?.fsGroup),
      secrets: await secretData(this.#options.client, wanted.expandSecret),
    });
  }

  async #failed({ inUse, pod, wanted }: Mounted, growth: Growth, claim: Claim, error: Error): Promise<Outcome> {
    const { clock, events } = this.#options;
    const told = growth.isAccounted ? notGrown(claim, growth, error, clock.nowMs()) : undefined;
    if (told) await this.#status(claim, told);
    const why = `Expander.NodeExpand failed to expand the volume : ${error.message}`;
    if (!inUse && !mayStaySmall(error)) throw new VolumeProblem(why, 'expand');
    if (needsOffline(error)) return 'not while in use';
    const message = `NodeExpandVolume.NodeExpandVolume failed for volume "${wanted.name}" : ${why}`;
    events.record(podTarget(pod), 'Warning', 'VolumeResizeFailed', message);
    return 'failed';
  }

  /** @throws StatusError when the claim has changed since it was read */
  #status({ metadata }: Claim, status: object): Promise<Claim> {
    const { name = '', namespace = '', resourceVersion, uid } = metadata;
    const patch = { metadata: { uid, resourceVersion }, status };
    const params = { namespace, subresource: 'status' };
    return this.#options.client.patch<Claim>(RESOURCES.persistentvolumeclaims, name, 'merge', patch, params);
  }

  #tell({ claimed, pod, wanted }: Mounted, type: 'Normal' | 'Warning', reason: string, what: string, more: string): void {
    for (const target of [podTarget(pod), { ...claimed.claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim' }])
      this.#options.events.record(target, type, reason, `${what} for volume "${wanted.name}" ${more}`);
  }
}
