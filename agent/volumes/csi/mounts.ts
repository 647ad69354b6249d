// Volumes of CSI drivers: staged once a node, published once a pod. What was asked of a driver is written down before it is asked,
// so that an agent that was killed in between takes it back.
import { mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PersistentVolume, Pod, Secret, Volume } from '../../../api/gen/types/core.v1.ts';
import type { CSIDriver, VolumeAttachment } from '../../../api/gen/types/storage.v1.ts';
import { isStatusError, type KubeObject } from '../../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../../kit/client/index.ts';
import { writeFileAtomic } from '../../../kit/fs/index.ts';
import { isMounted } from '../../../kit/linux/index.ts';
import { giveToGroup } from '../ownership.ts';
import { VolumeProblem } from '../payload.ts';
import type { Tokens } from '../tokens.ts';
import { Turns } from '../turns.ts';
import type { Driver, Drivers } from './drivers.ts';
import {
  attachmentName,
  capability,
  givesToGroup,
  inlineWish,
  persistentWish,
  podInfo,
  type SecretRef,
  stagedFolder,
  type Wanted,
} from './request.ts';
import { call } from './wire.ts';

export interface CsiMountsOptions {
  client: Client;
  drivers: Pick<Drivers, 'get'>;
  tokens: Pick<Tokens, 'get'>;
  nodeName: string;
  podsDir: string;
  /** Holds the staged volumes, a folder a driver. */
  stagingDir: string;
}

/** In a pod's folder: one file for each volume that a driver was asked to publish. */
const ASKED = 'csi';

interface Asked {
  driver: string;
  handle: string;
  target: string;
  /** Absent: the driver stages nothing. */
  staging?: string;
}

export class CsiMounts {
  readonly #options: CsiMountsOptions;
  /** One call at a time for a volume: the last pod that leaves it and the first that comes do not meet. */
  readonly #turns = new Turns();

  constructor(options: CsiMountsOptions) {
    this.#options = options;
  }

  setUpPersistent(pod: Pod, of: Volume, volume: PersistentVolume): Promise<string> {
    const csi = volume.spec?.csi;
    if (!csi) throw new VolumeProblem('it is no CSI volume');
    return this.#setUp(pod, of, persistentWish(csi, volume, of));
  }

  setUpInline(pod: Pod, of: Volume): Promise<string> {
    if (!of.csi) throw new VolumeProblem('it is no CSI volume');
    return this.#setUp(pod, of, inlineWish(of.csi, pod, of));
  }

  /** Takes back what was published for the pod, and what no other pod of the node uses. Safe to repeat. @throws RpcError */
  async tearDown(podUid: string): Promise<void> {
    const folder = join(this.#options.podsDir, podUid, ASKED);
    for (const name of await readdir(folder).catch(() => [])) {
      const file = join(folder, name);
      const asked = await readAsked(file);
      if (asked) await this.#turns.take(asked.handle, () => this.#takeBack(asked, file));
      else await rm(file, { force: true });
    }
  }

  async #setUp(pod: Pod, of: Volume, wanted: Wanted): Promise<string> {
    const driver = this.#driver(wanted.driver);
    if (wanted.isBlock) throw new VolumeProblem(`volume ${wanted.handle} is a block device, which this node cannot give to pods`);
    return this.#turns.take(wanted.handle, () => this.#publish(pod, of, wanted, driver));
  }

  #driver(name: string): Driver {
    const driver = this.#options.drivers.get(name);
    if (!driver) throw new VolumeProblem(`kubernetes.io/csi: driver name ${name} not found in the list of registered CSI drivers`);
    return driver;
  }

  async #publish(pod: Pod, of: Volume, wanted: Wanted, driver: Driver): Promise<string> {
    const { podsDir, stagingDir } = this.#options;
    const folder = join(podsDir, pod.metadata.uid ?? '');
    const target = join(folder, 'volumes', of.name, 'mount');
    if (isMounted(target)) return target;
    const settings = await this.#settings(wanted.driver);
    if (wanted.isInline && !settings?.spec.volumeLifecycleModes?.includes('Ephemeral'))
      throw new VolumeProblem(`kubernetes.io/csi: driver ${wanted.driver} does not support Ephemeral volume lifecycle mode`);
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    const ask = {
      volumeId: wanted.handle,
      publishContext: await this.#attached(wanted, settings),
      volumeCapability: capability(wanted, driver.can, fsGroup),
      volumeContext: wanted.attributes,
    };
    const stages = driver.can.has('STAGE_UNSTAGE_VOLUME') && !wanted.isInline;
    const staging = stages ? join(stagingDir, wanted.driver, stagedFolder(wanted.handle), 'globalmount') : undefined;
    const asked: Asked = { driver: wanted.driver, handle: wanted.handle, target, ...(staging ? { staging } : {}) };
    await mkdir(join(folder, ASKED), { recursive: true });
    await writeFileAtomic(join(folder, ASKED, `${of.name}.json`), JSON.stringify(asked));
    if (staging) {
      await mkdir(staging, { recursive: true, mode: 0o750 });
      const secrets = await this.#secret(wanted.stageSecret);
      await call(driver.socket, 'csi.v1.Node', 'NodeStageVolume', { ...ask, stagingTargetPath: staging, secrets }).catch((error: Error) => {
        throw new VolumeProblem(error.message, 'MountDevice');
      });
    }
    await mkdir(dirname(target), { recursive: true, mode: 0o750 }); // the target itself is the driver's to make
    await call(driver.socket, 'csi.v1.Node', 'NodePublishVolume', {
      ...ask,
      ...(staging ? { stagingTargetPath: staging } : {}),
      targetPath: target,
      readonly: wanted.readonly,
      secrets: await this.#secret(wanted.publishSecret),
      volumeContext: { ...wanted.attributes, ...podInfo(pod, wanted, settings), ...(await this.#podTokens(pod, settings)) },
    });
    if (fsGroup !== undefined && givesToGroup(wanted, settings, driver.can))
      await giveToGroup(target, fsGroup, pod.spec?.securityContext?.fsGroupChangePolicy);
    return target;
  }

  async #takeBack({ driver: name, handle, target, staging }: Asked, file: string): Promise<void> {
    const { socket } = this.#driver(name);
    await call(socket, 'csi.v1.Node', 'NodeUnpublishVolume', { volumeId: handle, targetPath: target });
    await rmdir(target).catch(() => {}); // most drivers have done so
    if (staging && !(await this.#usedElsewhere(staging, file))) {
      await call(socket, 'csi.v1.Node', 'NodeUnstageVolume', { volumeId: handle, stagingTargetPath: staging });
      await rmdir(staging).catch(() => {});
      await rmdir(dirname(staging)).catch(() => {});
    }
    await rm(file, { force: true });
  }

  async #usedElsewhere(staging: string, own: string): Promise<boolean> {
    const { podsDir } = this.#options;
    for (const uid of await readdir(podsDir).catch(() => [])) {
      const folder = join(podsDir, uid, ASKED);
      for (const name of await readdir(folder).catch(() => [])) {
        const file = join(folder, name);
        if (file !== own && (await readAsked(file))?.staging === staging) return true;
      }
    }
    return false;
  }

  async #settings(driver: string): Promise<(CSIDriver & KubeObject) | undefined> {
    return this.#options.client.get<CSIDriver & KubeObject>(RESOURCES.csidrivers, driver).catch((error: unknown) => {
      if (!isStatusError(error, 'NotFound')) throw error;
      return undefined;
    });
  }

  /** What the attacher left for the node; {} when nothing is to be attached. @throws VolumeProblem until it is attached */
  async #attached(wanted: Wanted, settings: CSIDriver | undefined): Promise<Record<string, string>> {
    if (wanted.isInline || settings?.spec.attachRequired === false) return {};
    const name = attachmentName(wanted.handle, wanted.driver, this.#options.nodeName);
    const found = await this.#options.client.get<VolumeAttachment & KubeObject>(RESOURCES.volumeattachments, name).catch(() => undefined);
    if (!found?.status?.attached)
      throw new VolumeProblem(
        found?.status?.attachError?.message ??
          `timed out waiting for external-attacher of ${wanted.driver} CSI driver to attach volume ${wanted.handle}`,
      );
    return found.status.attachmentMetadata ?? {};
  }

  async #secret(ref: SecretRef | undefined): Promise<Record<string, string>> {
    if (!ref) return {};
    const found = await this.#options.client.get<Secret & KubeObject>(RESOURCES.secrets, ref.name, { namespace: ref.namespace });
    return Object.fromEntries(Object.entries(found.data ?? {}).map(([key, data]) => [key, Buffer.from(data, 'base64').toString()]));
  }

  async #podTokens(pod: Pod, settings: CSIDriver | undefined): Promise<Record<string, string>> {
    const wishes = settings?.spec.tokenRequests ?? [];
    if (wishes.length === 0) return {};
    const tokens: Record<string, { token: string; expirationTimestamp: string }> = {};
    for (const { audience, expirationSeconds = 3600 } of wishes) {
      const { text, endMs } = await this.#options.tokens.get(pod, { audience: audience || undefined, expirationSeconds });
      tokens[audience] = { token: text, expirationTimestamp: new Date(endMs).toISOString().replace('.000Z', 'Z') };
    }
    return { 'csi.storage.k8s.io/serviceAccount.tokens': JSON.stringify(tokens) };
  }
}

/** Undefined: a file that a crash left half written asked for nothing yet. */
async function readAsked(file: string): Promise<Asked | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Asked;
  } catch {
    return undefined;
  }
}
