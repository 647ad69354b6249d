// Volumes of CSI drivers: staged once a node, published once a pod, kept while the pod runs. What is asked of a driver is written down
// before it is asked, so that an agent that was killed in between takes it back.
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Node, PersistentVolume, Pod, Volume } from '../../../api/gen/types/core.v1.ts';
import type { CSIDriver } from '../../../api/gen/types/storage.v1.ts';
import type { Client, EventRecorder } from '../../../kit/client/index.ts';
import type { FsUsage } from '../../../kit/fs/index.ts';
import { isMounted } from '../../../kit/linux/index.ts';
import { uniqueVolumeName } from '../../../kit/placement/index.ts';
import { type Clock, type Logger, step, Turns } from '../../../kit/run/index.ts';
import type { Claimed } from '../claims.ts';
import { VolumeSetupError } from '../failure.ts';
import type { ObjectCache } from '../objects.ts';
import { giveToGroup } from '../ownership.ts';
import { VolumeProblem } from '../payload.ts';
import type { Tokens } from '../tokens.ts';
import { type Asked, askedVolumes, forgetAsked, readAsked, writeAsked } from './asked.ts';
import type { Driver, Drivers } from './drivers.ts';
import { Expander } from './expand.ts';
import { volumeFigures } from './figures.ts';
import { attachedContext, attachmentOf, isAttachable, podTokens, secretData, settingsOf } from './from-api.ts';
import { VolumesInUse } from './in-use.ts';
import { isOverLimit } from './limit.ts';
import { KEEP_MS, Pace } from './pace.ts';
import {
  capability,
  givesToGroup,
  inlineWish,
  lifecycleProblem,
  type Places,
  persistentWish,
  placesOf,
  podInfo,
  podTarget,
  type Wanted,
} from './request.ts';
import { call } from './wire.ts';

export interface CsiMountsOptions {
  client: Client;
  drivers: Pick<Drivers, 'get' | 'recount'>;
  tokens: Pick<Tokens, 'get'>;
  objects: Pick<ObjectCache, 'follow'>;
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

/** One volume of a pod, and all that is known of it. */
interface Setup {
  pod: Pod;
  of: Volume;
  wanted: Wanted;
  driver: Driver;
  /** Undefined: nobody made a CSIDriver for it. */
  settings: CSIDriver | undefined;
  places: Places;
}

export class CsiMounts {
  readonly #options: CsiMountsOptions;
  /** One call at a time for a volume: the last pod that leaves it and the first that comes do not meet. */
  readonly #turns = new Turns();
  readonly #inUse: VolumesInUse;
  readonly #expander: Expander;
  readonly #pace: Pace;

  constructor(options: CsiMountsOptions) {
    this.#options = options;
    this.#inUse = new VolumesInUse(options);
    this.#expander = new Expander(options);
    this.#pace = new Pace(options.clock);
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

  /** Whether the node has no room for the volume; its driver is asked anew then how many it can have. */
  async exceedsLimit({ spec }: PersistentVolume): Promise<boolean> {
    if (!spec?.csi) return false;
    const { client, drivers, log, nodeName } = this.#options;
    const { driver, volumeHandle: handle } = spec.csi;
    const [settings, attachment] = await Promise.all([settingsOf(client, driver), attachmentOf(client, nodeName, { driver, handle })]);
    if (!isOverLimit(settings, attachment)) return false;
    await drivers.recount(driver).catch((error: unknown) => log.warn({ err: error, driver }, 'volumes of the node not counted'));
    return true;
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
    const { client, clock, drivers } = this.#options;
    const { target } = this.#places(pod, wanted, undefined);
    const present = drivers.get(wanted.driver);
    // A driver that starts after the agent must not stop pods that have their volumes.
    if (!present && (await this.#isWhole(pod, of, target))) return { path: target, refreshAtMs: clock.nowMs() + KEEP_MS };
    const settings = await settingsOf(client, wanted.driver);
    const inUse = isAttachable(wanted, settings) ? uniqueVolumeName(wanted.driver, wanted.handle) : undefined;
    if (inUse !== undefined && !isMounted(target) && !(await this.#inUse.isAttached(inUse, pod.metadata.uid ?? '')))
      throw new VolumeProblem('Volume not attached according to node status', 'attach');
    const driver = present ?? missing(wanted);
    return this.#turns.take(wanted.handle, async () => {
      const wasThere = await this.#isWhole(pod, of, target);
      const setup: Setup = { pod, of, wanted, driver, settings, places: this.#places(pod, wanted, driver) };
      const wishes: number[] = [];
      if (!wasThere) await this.#publish(setup, { ...(inUse ? { inUse } : {}), ...sizeOf(claimed) });
      if (settings?.spec.requiresRepublish) wishes.push(await this.#republish(setup, wasThere));
      if (claimed && driver.can.has('EXPAND_VOLUME')) wishes.push(await this.#grow(setup, claimed, wasThere));
      return { path: target, ...(wishes.length > 0 ? { refreshAtMs: Math.min(...wishes) } : {}) };
    });
  }

  async #publish(setup: Setup, more: Pick<Asked, 'inUse' | 'size'>): Promise<void> {
    const { driver, of, places, pod, settings, wanted } = setup;
    const problem = lifecycleProblem(wanted, settings);
    if (problem) throw new VolumeProblem(`${PLUGIN}mounter.SetupAt failed to check volume lifecycle mode: ${problem}`);
    const { client, nodeName } = this.#options;
    const publishContext = await attachedContext(client, nodeName, wanted, settings);
    const { fsGroup, fsGroupChangePolicy } = pod.spec?.securityContext ?? {};
    const group = givesToGroup(wanted, settings, driver.can) ? fsGroup : undefined;
    const asked: Asked = { driver: wanted.driver, handle: wanted.handle, ...places, ...more };
    const record = (groupIsOwed: boolean) =>
      writeAsked(this.#folder(pod.metadata.uid ?? ''), of.name, groupIsOwed ? { ...asked, groupIsOwed } : asked);
    await step('csi.record', () => record(group !== undefined));
    if (places.staging) await this.#stage(setup, places.staging, publishContext);
    await mkdir(dirname(places.target), { recursive: true, mode: 0o750 }); // the target itself is the driver's to make
    await step('csi.publish', () => this.#callPublish(setup, publishContext));
    if (group === undefined) return;
    await step('csi.group', () => giveToGroup(places.target, group, fsGroupChangePolicy));
    await record(false);
  }

  /** Drivers do all again that an agent was killed in the middle of: what they have done already they leave as it is. */
  async #isWhole(pod: Pod, of: Volume, target: string): Promise<boolean> {
    return isMounted(target) && !(await readAsked(this.#folder(pod.metadata.uid ?? ''), of.name))?.groupIsOwed;
  }

  async #stage({ driver, pod, wanted }: Setup, staging: string, publishContext: object): Promise<void> {
    await mkdir(staging, { recursive: true, mode: 0o750 });
    const request = {
      volumeId: wanted.handle,
      publishContext,
      stagingTargetPath: staging,
      volumeCapability: capability(wanted, driver.can, pod.spec?.securityContext?.fsGroup),
      secrets: await secretData(this.#options.client, wanted.stageSecret),
      volumeContext: wanted.attributes,
    };
    await step('csi.stage', () => call(driver.socket, 'csi.v1.Node', 'NodeStageVolume', request)).catch((error: Error) => {
      throw new VolumeProblem(error.message, 'MountDevice');
    });
  }

  /** A driver that wants it is told the present tokens; the mount stays whatever it answers. Returns when it is due again. */
  async #republish(setup: Setup, wasThere: boolean): Promise<number> {
    const { client, events, nodeName } = this.#options;
    const { pod, places, settings, wanted } = setup;
    const key = republishing(places.target);
    if (!wasThere) this.#pace.done(key);
    else if (this.#pace.isDue(key))
      try {
        await this.#callPublish(setup, await attachedContext(client, nodeName, wanted, settings));
        this.#pace.done(key);
      } catch (error) {
        this.#pace.failed(key);
        const { message, reason } = new VolumeSetupError(wanted.name, error, wanted.isBlock);
        events.record(podTarget(pod), 'Warning', reason, message);
      }
    return this.#pace.dueMs(key);
  }

  async #callPublish({ driver, places, pod, settings, wanted }: Setup, publishContext: object): Promise<void> {
    const { client, tokens } = this.#options;
    const { context, secrets } = await podTokens(tokens, pod, settings);
    await call(driver.socket, 'csi.v1.Node', 'NodePublishVolume', {
      volumeId: wanted.handle,
      publishContext,
      ...(places.staging ? { stagingTargetPath: places.staging } : {}),
      targetPath: places.target,
      volumeCapability: capability(wanted, driver.can, pod.spec?.securityContext?.fsGroup),
      readonly: wanted.readonly,
      secrets: { ...(await secretData(client, wanted.publishSecret)), ...secrets },
      volumeContext: { ...wanted.attributes, ...podInfo(pod, wanted, settings), ...context },
    });
  }

  /** Follows the volume's size. Returns when to look again, should the API server not let agents watch claims (upstream's does not). */
  async #grow({ driver, of, places, pod, wanted }: Setup, claimed: Claimed, wasThere: boolean): Promise<number> {
    const { clock, objects } = this.#options;
    const { name = '', namespace = '' } = claimed.claim.metadata;
    const podUid = pod.metadata.uid ?? '';
    objects.follow('persistentvolumeclaims', namespace, name, podUid);
    const key = growing(places.target);
    const inAMinuteMs = clock.nowMs() + KEEP_MS;
    if (wasThere && !this.#pace.isDue(key)) return Math.min(this.#pace.dueMs(key), inAMinuteMs);
    const asked = wasThere ? await readAsked(this.#folder(podUid), of.name) : undefined;
    const inUse = wasThere ? { inUse: { size: asked?.size } } : {};
    const outcome = await this.#expander.expand({ ...places, pod, wanted, driver, claimed, ...inUse });
    if (outcome === 'failed') this.#pace.failed(key);
    else if (outcome === 'not while in use') this.#pace.never(key);
    else this.#pace.forget(key);
    if (outcome instanceof Object && asked) await writeAsked(this.#folder(podUid), of.name, { ...asked, size: outcome.size });
    return outcome === 'failed' ? this.#pace.dueMs(key) : inAMinuteMs;
  }

  #places(pod: Pod, wanted: Wanted, driver: Driver | undefined): Places {
    const { podsDir, stagingDir } = this.#options;
    return placesOf(wanted, pod.metadata.uid ?? '', podsDir, stagingDir, driver?.can.has('STAGE_UNSTAGE_VOLUME') ?? false);
  }

  async #takeBack({ driver: name, handle, target, staging }: Asked, podUid: string, volume: string): Promise<void> {
    const { socket } = this.#options.drivers.get(name) ?? notRegistered(name);
    await step('csi.unpublish', () => call(socket, 'csi.v1.Node', 'NodeUnpublishVolume', { volumeId: handle, targetPath: target }));
    await removeEmpty(target); // most drivers have done so
    await rmdir(dirname(target)).catch(() => {});
    if (staging && !(await this.#usedElsewhere(staging, podUid, volume))) {
      await step('csi.unstage', () => call(socket, 'csi.v1.Node', 'NodeUnstageVolume', { volumeId: handle, stagingTargetPath: staging }));
      await removeEmpty(staging);
      await rmdir(dirname(staging)).catch(() => {});
    }
    await step('csi.forget', () => forgetAsked(this.#folder(podUid), volume));
    for (const key of [republishing(target), growing(target)]) this.#pace.forget(key);
  }

  async #usedElsewhere(staging: string, ownUid: string, own: string): Promise<boolean> {
    for (const uid of await readdir(this.#options.podsDir).catch(() => []))
      for (const name of await askedVolumes(this.#folder(uid)))
        if ((uid !== ownUid || name !== own) && (await readAsked(this.#folder(uid), name))?.staging === staging) return true;
    return false;
  }
}

const sizeOf = (claimed: Claimed | undefined): Pick<Asked, 'size'> => {
  const size = claimed?.claim.status?.capacity?.['storage'];
  return size === undefined ? {} : { size };
};

/** What is paced of a published volume. */
const republishing = (target: string): string => `republish ${target}`;
const growing = (target: string): string => `grow ${target}`;

/** How upstream's plugin begins its words. */
const PLUGIN = 'kubernetes.io/csi: ';
const unknownDriver = (name: string): string => `driver name ${name} not found in the list of registered CSI drivers`;

function notRegistered(name: string): never {
  throw new VolumeProblem(PLUGIN + unknownDriver(name));
}

/** Which step of upstream's misses it first. */
function missing({ driver, isBlock, isInline }: Wanted): never {
  const why = unknownDriver(driver);
  if (isInline) throw new VolumeProblem(`${PLUGIN}mounter.SetUpAt failed to get CSI client: ${why}`);
  const step = isBlock ? 'blockMapper.SetUpDevice failed to get CSI client' : 'attacher.MountDevice failed to create newCsiDriverClient';
  throw new VolumeProblem(`${PLUGIN}${step}: ${why}`, 'MountDevice');
}

/** A folder that is empty, or the file that a block device was shown on; anything else stays. */
async function removeEmpty(path: string): Promise<void> {
  if (isMounted(path)) return;
  await rmdir(path).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOTDIR' ? rm(path, { force: true }) : undefined));
}
