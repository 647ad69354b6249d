// Makes the file system of a volume as large as its driver's controller has made the volume, and tells the claim and the pod.
import type { Pod } from '../../../api/gen/types/core.v1.ts';
import { toInteger } from '../../../api/meta/index.ts';
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

export class Expander {
  readonly #options: ExpanderOptions;

  constructor(options: ExpanderOptions) {
    this.#options = options;
  }

  /** The size that it has grown to, if it has. @throws VolumeProblem when a volume that is being mounted cannot be used before */
  async expand(mounted: Mounted): Promise<string | undefined> {
    const { claimed, driver, inUse, wanted } = mounted;
    const growth = growthOf(claimed.claim, claimed.volume, inUse?.size);
    if (!growth || !driver.can.has('EXPAND_VOLUME')) return undefined;
    if (wanted.readonly) {
      this.#tell(mounted, 'Warning', 'FileSystemResizeFailed', 'MountVolume.NodeExpandVolume failed', 'requested read-only file system');
      return undefined;
    }
    if (growth.isAccounted) await this.#status(claimed, begun());
    try {
      await this.#ask(mounted, growth);
    } catch (error) {
      await this.#failed(mounted, growth, error as Error);
      return undefined;
    }
    if (growth.isTold) await this.#status(claimed, grown(claimed.claim, growth.size));
    this.#tell(mounted, 'Normal', 'FileSystemResizeSuccessful', 'MountVolume.NodeExpandVolume succeeded', this.#options.nodeName);
    return growth.size;
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

  async #failed({ claimed, inUse, pod, wanted }: Mounted, growth: Growth, error: Error): Promise<void> {
    const { clock, events } = this.#options;
    const told = growth.isAccounted ? notGrown(claimed.claim, growth, error, clock.nowMs()) : undefined;
    if (told) await this.#status(claimed, told);
    const why = `Expander.NodeExpand failed to expand the volume : ${error.message}`;
    if (!inUse && !mayStaySmall(error)) throw new VolumeProblem(why, 'expand');
    if (needsOffline(error)) return; // it is made larger when it is mounted next
    const message = `NodeExpandVolume.NodeExpandVolume failed for volume "${wanted.name}" : ${why}`;
    events.record(podTarget(pod), 'Warning', 'VolumeResizeFailed', message);
  }

  async #status({ claim }: Claimed, status: object): Promise<void> {
    const { name = '', namespace = '', uid } = claim.metadata;
    const params = { namespace, subresource: 'status' };
    await this.#options.client.patch(RESOURCES.persistentvolumeclaims, name, 'merge', { metadata: { uid }, status }, params);
  }

  #tell({ claimed, pod, wanted }: Mounted, type: 'Normal' | 'Warning', reason: string, what: string, more: string): void {
    for (const target of [podTarget(pod), { ...claimed.claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim' }])
      this.#options.events.record(target, type, reason, `${what} for volume "${wanted.name}" ${more}`);
  }
}
