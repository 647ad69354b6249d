// The volumes of a pod: what bound ones demand of a node, which node has free ones for claims that wait, and binding those.
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import type { CSIDriver, CSIStorageCapacity, StorageClass } from '../../api/gen/types/storage.v1.ts';
import { compareQuantities, labelSelectorMatches } from '../../api/meta/index.ts';
import { type Client, type Informer, type InformerFactory, keyOf, RESOURCES } from '../../kit/client/index.ts';
import { bestMatch, boundVolume, nodeSelectorMatches, SELECTED_NODE, storageClassOf } from '../../kit/placement/index.ts';
import { GiveUp, waitFor } from '../../kit/run/index.ts';
import type { PodInfo } from './pod-info.ts';
import { inZoneOf } from './volume-zone.ts';

/** Upstream's bindTimeoutSeconds: a driver may take its time to make a volume. */
const BIND_TIMEOUT_MS = 600_000;
const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

/** `full`: the driver has no room for a new one there. `gone`: a claim is bound to what is not there. */
type VolumeRefusal = 'elsewhere' | 'none-free' | 'full' | 'gone';

export interface VolumeDemand {
  /** Forbids every node. */
  problem?: string;
  /** Undefined: the node will do. */
  refuses?(node: Node): VolumeRefusal | undefined;
  /** Whether the node is in the zones that bound volumes name; undefined: they name none. */
  inZone?: ((node: Node) => boolean) | undefined;
}

/** What binding writes for one claim. */
type Choice = { claim: PersistentVolumeClaim; volume?: PersistentVolume };

const reachableFrom = (volume: PersistentVolume, node: Node): boolean =>
  volume.spec?.nodeAffinity?.required === undefined || nodeSelectorMatches(volume.spec.nodeAffinity.required, node);

const requestOf = ({ spec }: PersistentVolumeClaim): string => spec?.resources?.requests?.['storage'] ?? '0';

export class VolumeBinder {
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #drivers: Informer<CSIDriver>;
  readonly #capacities: Informer<CSIStorageCapacity>;
  /** Volumes that a binding under way has chosen, by name. */
  readonly #promised = new Set<string>();

  constructor(informers: InformerFactory) {
    this.#claims = informers.of<PersistentVolumeClaim>(RESOURCES.persistentvolumeclaims);
    this.#volumes = informers.of<PersistentVolume>(RESOURCES.persistentvolumes);
    this.#classes = informers.of<StorageClass>(RESOURCES.storageclasses);
    this.#drivers = informers.of<CSIDriver>(RESOURCES.csidrivers);
    this.#capacities = informers.of<CSIStorageCapacity>(RESOURCES.csistoragecapacities);
  }

  /** Undefined: the pod has no claims that matter. */
  demand(pod: PodInfo): VolumeDemand | undefined {
    const bound: PersistentVolume[] = [];
    const delayed: PersistentVolumeClaim[] = [];
    for (const name of pod.claims) {
      const claim = this.#claims.get(`${pod.namespace}/${name}`);
      const problem = problemOf(claim, name, pod);
      if (!claim || problem) return { problem: problem ?? '' };
      if (claim.status?.phase !== 'Bound' && !this.#isDelayed(claim))
        return { problem: 'pod has unbound immediate PersistentVolumeClaims' };
      const volume = this.#volumes.get(claim.spec?.volumeName ?? '');
      if (claim.status?.phase !== 'Bound') delayed.push(claim);
      else if (!volume) return { refuses: () => 'gone' };
      if (volume) bound.push(volume);
    }
    const pinned = bound.filter(({ spec }) => spec?.nodeAffinity?.required);
    const inZone = inZoneOf(bound);
    if (pinned.length === 0 && delayed.length === 0) return inZone && { inZone };
    return {
      refuses: (node) => {
        if (!pinned.every((volume) => reachableFrom(volume, node))) return 'elsewhere';
        const choices = this.#choose(delayed, node);
        return typeof choices === 'string' ? choices : undefined;
      },
      inZone,
    };
  }

  /** Keys of the pod's claims that no other pod may use at the same time. */
  exclusive(pod: PodInfo): string[] {
    const keys = pod.claims.map((name) => `${pod.namespace}/${name}`);
    return keys.filter((key) => this.#claims.get(key)?.spec?.accessModes?.includes('ReadWriteOncePod'));
  }

  /**
   * Binds what waits for the pod, for that node, and resolves once all its claims are bound.
   * @throws Error when they will not be bound for this node, in upstream's words
   */
  async bind(client: Client, pod: PodInfo, node: Node, isGone: () => boolean, signal: AbortSignal): Promise<void> {
    const claims = pod.claims.map((name) => this.#claims.get(`${pod.namespace}/${name}`));
    const waiting = claims.flatMap((claim) => (claim && claim.status?.phase !== 'Bound' ? [claim] : []));
    if (waiting.length === 0) return;
    const choices = this.#choose(waiting, node);
    if (typeof choices === 'string') throw new Error("node(s) didn't find available persistent volumes to bind");
    const names = choices.flatMap(({ volume }) => volume?.metadata.name ?? []);
    for (const name of names) this.#promised.add(name);
    try {
      const asked = new Map<string, string | undefined>();
      for (const choice of choices) asked.set(keyOf(choice.claim), await write(client, choice, node));
      await waitFor({ what: `the volumes of pod ${pod.key}`, timeoutMs: BIND_TIMEOUT_MS, everyMs: 50, signal }, () => {
        if (isGone()) throw new GiveUp(`pod ${pod.key} is gone`);
        return waiting.every((claim) => this.#isBound(claim, node, asked.get(keyOf(claim))));
      });
    } finally {
      for (const name of names) this.#promised.delete(name);
    }
  }

  /** `asked`: the claim's version that asked a driver for a volume. The driver that has none for the node takes the node's name off. */
  #isBound({ metadata }: PersistentVolumeClaim, node: Node, asked: string | undefined): boolean {
    const claim = this.#claims.get(`${metadata.namespace}/${metadata.name}`);
    if (!claim) throw new GiveUp(`persistentvolumeclaim "${metadata.name}" not found`);
    if (asked !== undefined) {
      if (BigInt(claim.metadata.resourceVersion ?? 0) < BigInt(asked)) return false;
      if (claim.metadata.annotations?.[SELECTED_NODE] !== node.metadata.name)
        throw new GiveUp(`provisioning failed for PVC "${metadata.name}"`);
      const volume = this.#volumes.get(claim.spec?.volumeName ?? '');
      if (volume && !reachableFrom(volume, node))
        throw new GiveUp(
          `pv "${volume.metadata.name}" node affinity doesn't match node "${node.metadata.name}": no matching NodeSelectorTerms`,
        );
    }
    return claim.status?.phase === 'Bound';
  }

  #isDelayed(claim: PersistentVolumeClaim): boolean {
    return this.#classes.get(storageClassOf(claim))?.volumeBindingMode === 'WaitForFirstConsumer';
  }

  /** The largest claims choose last, so that small ones leave them what is large. */
  #choose(claims: readonly PersistentVolumeClaim[], node: Node): Choice[] | VolumeRefusal {
    const choices: Choice[] = [];
    const taken = new Set<PersistentVolume>();
    for (const claim of [...claims].sort((a, b) => compareQuantities(requestOf(a), requestOf(b)))) {
      const volume = bestMatch(
        claim,
        this.#volumes.list().filter((one) => reachableFrom(one, node)),
        (one) => !taken.has(one) && !this.#promised.has(one.metadata.name ?? ''),
      );
      const refusal = volume ? undefined : this.#cannotProvision(claim, node);
      if (refusal) return refusal;
      if (volume) taken.add(volume);
      choices.push({ claim, ...(volume ? { volume } : {}) });
    }
    return choices;
  }

  /** Undefined: its class can make one for the node. */
  #cannotProvision(claim: PersistentVolumeClaim, node: Node): VolumeRefusal | undefined {
    const found = this.#classes.get(storageClassOf(claim));
    if (!found || found.provisioner === NO_PROVISIONER) return 'none-free';
    const chosen = claim.metadata.annotations?.[SELECTED_NODE];
    if (chosen !== undefined && chosen !== node.metadata.name) return 'none-free';
    const terms = found.allowedTopologies ?? [];
    const fits = ({ matchLabelExpressions = [] }: (typeof terms)[number]) =>
      matchLabelExpressions.every(({ key, values }) => values.includes(node.metadata.labels?.[key] ?? ''));
    if (terms.length > 0 && !terms.some(fits)) return 'none-free';
    return this.#hasRoom(claim, found, node) ? undefined : 'full';
  }

  /** Drivers that count what they have left publish it as CSIStorageCapacity. */
  #hasRoom(claim: PersistentVolumeClaim, { metadata, provisioner }: StorageClass, node: Node): boolean {
    if (!claim.spec?.resources?.requests?.['storage'] || !this.#drivers.get(provisioner)?.spec.storageCapacity) return true;
    return this.#capacities.list().some(({ storageClassName, nodeTopology, capacity, maximumVolumeSize = capacity }) => {
      if (storageClassName !== metadata.name || !nodeTopology || maximumVolumeSize === undefined) return false;
      return compareQuantities(maximumVolumeSize, requestOf(claim)) >= 0 && labelSelectorMatches(nodeTopology, node.metadata.labels);
    });
  }
}

/** A volume is reserved for its claim; or a driver is asked to make one for the node: then the claim's version from which on it is. */
async function write(client: Client, { claim, volume }: Choice, node: Node): Promise<string | undefined> {
  if (volume) {
    if (volume.spec?.claimRef?.uid !== claim.metadata.uid) await client.update(RESOURCES.persistentvolumes, boundVolume(volume, claim));
    return undefined;
  }
  const { name = '', namespace = '', uid } = claim.metadata;
  const metadata = { uid, annotations: { [SELECTED_NODE]: node.metadata.name } };
  const asked = await client.patch(RESOURCES.persistentvolumeclaims, name, 'merge', { metadata }, { namespace });
  return asked.metadata.resourceVersion;
}

function problemOf(claim: PersistentVolumeClaim | undefined, name: string, { pod, name: podName }: PodInfo): string | undefined {
  const isEphemeral = pod.spec?.volumes?.some((volume) => volume.ephemeral && `${podName}-${volume.name}` === name);
  if (!claim)
    return isEphemeral
      ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
      : `persistentvolumeclaim "${name}" not found`;
  if (claim.metadata.deletionTimestamp) return `persistentvolumeclaim "${name}" is being deleted`;
  if (claim.status?.phase === 'Lost')
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName}"`;
  return undefined;
}
