// Volumes of CSI drivers: staged once a node, published once a pod, kept while the pod runs. What is asked of a driver is written down
// before it is asked, so that an agent that was killed in between takes it back.
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Node, Pod, Volume } from '../../../api/gen/types/core.v1.ts';
import type { CSIDriver } from '../../../api/gen/types/storage.v1.ts';
import { toInteger } from '../../../api/meta/index.ts';
import { type Client, type EventRecorder, RESOURCES } from '../../../kit/client/index.ts';
import type { FsUsage } from '../../../kit/fs/index.ts';
import { isMounted } from '../../../kit/linux/index.ts';
import { uniqueVolumeName } from '../../../kit/placement/index.ts';
import { type Clock, type Logger, Turns } from '../../../kit/run/index.ts';
import type { Claimed } from '../claims.ts';
import { giveToGroup } from '../ownership.ts';
import { VolumeProblem } from '../payload.ts';
import type { Tokens } from '../tokens.ts';
import { type Asked, askedVolumes, forgetAsked, readAsked, writeAsked } from './asked.ts';
import type { Driver, Drivers } from './drivers.ts';
import { volumeFigures } from './figures.ts';
import { attachedContext, isAttachable, podTokens, secretData, settingsOf } from './from-api.ts';
import { growing, grown, mayStaySmall, notGrown, sizeToReach } from './grow.ts';
import { VolumesInUse } from './in-use.ts';
import { capability, givesToGroup, inlineWish, persistentWish, placesOf, podInfo, type Wanted } from './request.ts';
import { call } from './wire.ts';

export interface CsiMountsOptions {
  client: Client;
  drivers: Pick<Drivers, 'get'>;
  tokens: Pick<Tokens, 'get'>;
  events: EventRecorder;
  clock: Clock;
  log: Logger;
  nodeName: string;
  podsDir: string;
  /** Holds the staged volumes, a folder a driver. */
  stagingDir: string;
  /** Something that the pod waits for has come. */
  onChange(podUid: string): void;
}

export interface Published {
  path: string;
  /** When to set up again: the driver wants to be asked from time to time, or the volume may have grown. */
  refreshAtMs?: number;
}

/** Upstream does both with each sync of a running pod, about once a minute. */
const KEEP_MS = 60_000;

export class CsiMounts {
  readonly #options: CsiMountsOptions;
  /** One call at a time for a volume: the last pod that leaves it and the first that comes do not meet. */
  readonly #turns = new Turns();
  readonly #inUse: VolumesInUse;

  constructor(options: CsiMountsOptions) {
    this.#options = options;
    this.#inUse = new VolumesInUse(options);
  }

  /** What an earlier life of the agent has mounted is in use still. */
  async recover(): Promise<void> {
    for (const uid of await readdir(this.#options.podsDir).catch(() => []))
      for (const name of await askedVolumes(this.#folder(uid))) {
        const asked = await readAsked(this.#folder(uid), name);
        if (asked?.inUse) this.#inUse.hold(asked.inUse, uid);
      }
  }

  /** The node as the API has it now. */
  nodeSeen(node: Node): void {
    this.#inUse.seen(node);
  }

  /** Also for a volume that is there: then it is kept as its driver wants it. */
  setUpPersistent(pod: Pod, of: Volume, claimed: Claimed): Promise<Published> {
    const csi = claimed.volume.spec?.csi;
    if (!csi) throw new VolumeProblem('it is no CSI volume');
    return this.#setUp(pod, of, persistentWish(csi, claimed.volume, of), claimed);
  }

  setUpInline(pod: Pod, of: Volume): Promise<Published> {
    if (!of.csi) throw new VolumeProblem('it is no CSI volume');
    return this.#setUp(pod, of, inlineWish(of.csi, pod, of));
  }

  /** Names of the pod's volumes that were asked of drivers. */
  volumesOf(podUid: string): Promise<string[]> {
    return askedVolumes(this.#folder(podUid));
  }

  /** As its driver counts: what it does not count is 0. Undefined: it does not count, or is not there. */
  async stats(podUid: string, volume: string): Promise<FsUsage | undefined> {
    const asked = await readAsked(this.#folder(podUid), volume);
    const driver = this.#options.drivers.get(asked?.driver ?? '');
    if (!asked || !driver?.can.has('GET_VOLUME_STATS')) return undefined;
    return volumeFigures(driver.socket, asked);
  }

  /** Takes back what was published for the pod, and what no other pod of the node uses. Safe to repeat. @throws RpcError */
  async tearDown(podUid: string): Promise<void> {
    const folder = this.#folder(podUid);
    for (const name of await askedVolumes(folder)) {
      const asked = await readAsked(folder, name);
      if (asked) await this.#turns.take(asked.handle, () => this.#takeBack(asked, podUid, name));
      else await forgetAsked(folder, name);
    }
    this.#inUse.release(podUid);
  }

  #folder(podUid: string): string {
    return join(this.#options.podsDir, podUid);
  }

  async #setUp(pod: Pod, of: Volume, wanted: Wanted, claimed?: Claimed): Promise<Published> {
    const { client, clock, drivers, podsDir, stagingDir } = this.#options;
    const driver = drivers.get(wanted.driver);
    const { target } = placesOf(wanted, pod, of, podsDir, stagingDir, false);
    // A driver that starts after the agent must not stop pods that have their volumes.
    if (!driver && isMounted(target)) return { path: target, refreshAtMs: clock.nowMs() + KEEP_MS };
    const settings = await settingsOf(client, wanted.driver);
    const inUse = isAttachable(wanted, settings) ? uniqueVolumeName(wanted.driver, wanted.handle) : undefined;
    if (inUse !== undefined && !isMounted(target) && !(await this.#inUse.isAttached(inUse, pod.metadata.uid ?? '')))
      throw new VolumeProblem('Volume not attached according to node status', 'attach');
    const known = driver ?? this.#driver(wanted.driver);
    return this.#turns.take(wanted.handle, async () => {
      const wasThere = isMounted(target);
      if (!wasThere) await this.#publish(pod, of, wanted, known, settings, inUse);
      else if (settings?.spec.requiresRepublish) await this.#republish(pod, of, wanted, known, settings);
      if (claimed) await this.#grow(pod, of, wanted, known, claimed, wasThere);
      const isKept = settings?.spec.requiresRepublish || (claimed && known.can.has('EXPAND_VOLUME'));
      return { path: target, ...(isKept ? { refreshAtMs: clock.nowMs() + KEEP_MS } : {}) };
    });
  }

  #driver(name: string): Driver {
    const driver = this.#options.drivers.get(name);
    if (!driver) throw new VolumeProblem(`kubernetes.io/csi: driver name ${name} not found in the list of registered CSI drivers`);
    return driver;
  }

  async #publish(
    pod: Pod,
    of: Volume,
    wanted: Wanted,
    driver: Driver,
    settings: CSIDriver | undefined,
    inUse: string | undefined,
  ): Promise<void> {
    if (wanted.isInline && !settings?.spec.volumeLifecycleModes?.includes('Ephemeral'))
      throw new VolumeProblem(`kubernetes.io/csi: driver ${wanted.driver} does not support Ephemeral volume lifecycle mode`);
    const { client, nodeName } = this.#options;
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    const { target, staging } = this.#places(pod, of, wanted, driver);
    const publishContext = await attachedContext(client, nodeName, wanted, settings);
    const asked: Asked = {
      driver: wanted.driver,
      handle: wanted.handle,
      target,
      ...(staging ? { staging } : {}),
      ...(inUse === undefined ? {} : { inUse }),
    };
    await writeAsked(this.#folder(pod.metadata.uid ?? ''), of.name, asked);
    if (staging) {
      await mkdir(staging, { recursive: true, mode: 0o750 });
      const stage = {
        volumeId: wanted.handle,
        publishContext,
        stagingTargetPath: staging,
        volumeCapability: capability(wanted, driver.can, fsGroup),
        secrets: await secretData(client, wanted.stageSecret),
        volumeContext: wanted.attributes,
      };
      await call(driver.socket, 'csi.v1.Node', 'NodeStageVolume', stage).catch((error: Error) => {
        throw new VolumeProblem(error.message, wanted.isBlock ? 'SetUpDevice' : 'MountDevice');
      });
    }
    await mkdir(dirname(target), { recursive: true, mode: 0o750 }); // the target itself is the driver's to make
    await this.#callPublish(pod, of, wanted, driver, settings);
    if (fsGroup !== undefined && givesToGroup(wanted, settings, driver.can))
      await giveToGroup(target, fsGroup, pod.spec?.securityContext?.fsGroupChangePolicy);
  }

  /** A driver that wants it is told the present tokens; the mount stays whatever it answers. */
  async #republish(pod: Pod, of: Volume, wanted: Wanted, driver: Driver, settings: CSIDriver): Promise<void> {
    await this.#callPublish(pod, of, wanted, driver, settings).catch((error: Error) => {
      this.#tell(pod, 'FailedMount', `MountVolume.SetUp failed for volume "${wanted.name}" : ${error.message}`);
    });
  }

  async #callPublish(pod: Pod, of: Volume, wanted: Wanted, driver: Driver, settings: CSIDriver | undefined): Promise<void> {
    const { client, nodeName, tokens } = this.#options;
    const { target, staging } = this.#places(pod, of, wanted, driver);
    await call(driver.socket, 'csi.v1.Node', 'NodePublishVolume', {
      volumeId: wanted.handle,
      publishContext: await attachedContext(client, nodeName, wanted, settings),
      ...(staging ? { stagingTargetPath: staging } : {}),
      targetPath: target,
      volumeCapability: capability(wanted, driver.can, pod.spec?.securityContext?.fsGroup),
      readonly: wanted.readonly,
      secrets: await secretData(client, wanted.publishSecret),
      volumeContext: { ...wanted.attributes, ...podInfo(pod, wanted, settings), ...(await podTokens(tokens, pod, settings)) },
    }).catch((error: Error) => {
      throw wanted.isBlock ? new VolumeProblem(error.message, 'MapPodDevice') : error;
    });
  }

  /** @throws VolumeProblem when a volume that is being mounted cannot be used before it has grown */
  async #grow(pod: Pod, of: Volume, wanted: Wanted, driver: Driver, { claim, volume }: Claimed, isInUse: boolean): Promise<void> {
    const { client, clock, events, nodeName } = this.#options;
    const size = sizeToReach(claim, volume);
    if (size === undefined || !driver.can.has('EXPAND_VOLUME')) return;
    const about = `for volume "${wanted.name}"`;
    if (wanted.readonly) {
      this.#tell(pod, 'FileSystemResizeFailed', `MountVolume.NodeExpandVolume failed ${about} requested read-only file system`);
      return;
    }
    const begun = growing(claim);
    if (begun) await this.#claimStatus(claim, begun);
    const { target, staging } = this.#places(pod, of, wanted, driver);
    const request = {
      volumeId: wanted.handle,
      volumePath: target,
      ...(staging ? { stagingTargetPath: staging } : {}),
      capacityRange: { requiredBytes: Number(toInteger(size)) },
      volumeCapability: capability(wanted, driver.can, pod.spec?.securityContext?.fsGroup),
      secrets: await secretData(client, wanted.expandSecret),
    };
    try {
      await call(driver.socket, 'csi.v1.Node', 'NodeExpandVolume', request);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      await this.#claimStatus(claim, notGrown(claim, error, clock.nowMs()));
      const why = `Expander.NodeExpand failed to expand the volume : ${error.message}`;
      if (!isInUse && !mayStaySmall(error)) throw new VolumeProblem(why, 'expand');
      this.#tell(pod, 'VolumeResizeFailed', `NodeExpandVolume.NodeExpandVolume failed ${about} : ${why}`);
      return;
    }
    await this.#claimStatus(claim, grown(claim, size));
    const done = `MountVolume.NodeExpandVolume succeeded ${about} ${nodeName}`;
    for (const target of [podTarget(pod), { ...claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim' }])
      events.record(target, 'Normal', 'FileSystemResizeSuccessful', done);
  }

  async #claimStatus({ metadata: { name = '', namespace = '', uid } }: Claimed['claim'], status: object): Promise<void> {
    const params = { namespace, subresource: 'status' };
    await this.#options.client.patch(RESOURCES.persistentvolumeclaims, name, 'merge', { metadata: { uid }, status }, params);
  }

  #tell(pod: Pod, reason: string, message: string): void {
    this.#options.events.record(podTarget(pod), 'Warning', reason, message);
  }

  #places(pod: Pod, of: Volume, wanted: Wanted, driver: Driver): { target: string; staging?: string } {
    const { podsDir, stagingDir } = this.#options;
    return placesOf(wanted, pod, of, podsDir, stagingDir, driver.can.has('STAGE_UNSTAGE_VOLUME'));
  }

  async #takeBack({ driver: name, handle, target, staging }: Asked, podUid: string, volume: string): Promise<void> {
    const { socket } = this.#driver(name);
    await call(socket, 'csi.v1.Node', 'NodeUnpublishVolume', { volumeId: handle, targetPath: target });
    await removeEmpty(target); // most drivers have done so
    await rmdir(dirname(target)).catch(() => {});
    if (staging && !(await this.#usedElsewhere(staging, podUid, volume))) {
      await call(socket, 'csi.v1.Node', 'NodeUnstageVolume', { volumeId: handle, stagingTargetPath: staging });
      await removeEmpty(staging);
      await rmdir(dirname(staging)).catch(() => {});
    }
    await forgetAsked(this.#folder(podUid), volume);
  }

  async #usedElsewhere(staging: string, ownUid: string, own: string): Promise<boolean> {
    for (const uid of await readdir(this.#options.podsDir).catch(() => []))
      for (const name of await askedVolumes(this.#folder(uid)))
        if ((uid !== ownUid || name !== own) && (await readAsked(this.#folder(uid), name))?.staging === staging) return true;
    return false;
  }
}

const podTarget = ({ metadata }: Pod) => ({ apiVersion: 'v1', kind: 'Pod', metadata });

/** A folder that is empty, or the file that a block device was shown on; anything else stays. */
async function removeEmpty(path: string): Promise<void> {
  if (isMounted(path)) return;
  await rmdir(path).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOTDIR' ? rm(path, { force: true }) : undefined));
}
