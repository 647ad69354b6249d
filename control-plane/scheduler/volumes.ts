// The volumes of a pod: what bound ones demand of a node, which node has free ones for claims that wait, and binding those.
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../api/gen/types/core.v1.ts';
import type { StorageClass } from '../../api/gen/types/storage.v1.ts';
import { compareQuantities } from '../../api/meta/index.ts';
import { type Client, type Informer, type InformerFactory, keyOf, RESOURCES } from '../../kit/client/index.ts';
import { bestMatch, boundVolume, nodeSelectorMatches, SELECTED_NODE, storageClassOf } from '../../kit/placement/index.ts';
import { GiveUp, waitFor } from '../../kit/run/index.ts';
import type { PodInfo } from './pod-info.ts';

/** Upstream's bindTimeoutSeconds: a driver may take its time to make a volume. */
const BIND_TIMEOUT_MS = 600_000;
const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

type VolumeRefusal = 'elsewhere' | 'none-free';

export interface VolumeDemand {
  /** Forbids every node. */
  problem?: string;
  /** Undefined: the node will do. */
  refuses?(node: Node): VolumeRefusal | undefined;
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
  /** Volumes that a binding under way has chosen, by name. */
  readonly #promised = new Set<string>();

  constructor(informers: InformerFactory) {
    this.#claims = informers.of<PersistentVolumeClaim>(RESOURCES.persistentvolumeclaims);
    this.#volumes = informers.of<PersistentVolume>(RESOURCES.persistentvolumes);
    this.#classes = informers.of<StorageClass>(RESOURCES.storageclasses);
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
      if (claim.status?.phase !== 'Bound') delayed.push(claim);
      const volume = this.#volumes.get(claim.spec?.volumeName ?? '');
      if (volume?.spec?.nodeAffinity?.required) bound.push(volume);
    }
    if (bound.length === 0 && delayed.length === 0) return undefined;
    return {
      refuses: (node) => {
        if (!bound.every((volume) => reachableFrom(volume, node))) return 'elsewhere';
        return this.#choose(delayed, node) ? undefined : 'none-free';
      },
    };
  }

  /** Keys of the pod's claims that no other pod may use at the same time. */
  exclusive(pod: PodInfo): string[] {
    const keys = pod.claims.map((name) => `${pod.namespace}/${name}`);
    return keys.filter((key) => this.#claims.get(key)?.spec?.accessModes?.includes('ReadWriteOncePod'));
  }

  /** Binds what waits for the pod, for that node, and resolves once all its claims are bound. */
  async bind(client: Client, pod: PodInfo, node: Node, isGone: () => boolean, signal: AbortSignal): Promise<void> {
    const claims = pod.claims.map((name) => this.#claims.get(`${pod.namespace}/${name}`));
    const waiting = claims.flatMap((claim) => (claim && claim.status?.phase !== 'Bound' ? [claim] : []));
    if (waiting.length === 0) return;
    const choices = this.#choose(waiting, node);
    if (!choices) throw new Error("node(s) didn't find available persistent volumes to bind");
    const names = choices.flatMap(({ volume }) => volume?.metadata.name ?? []);
    for (const name of names) this.#promised.add(name);
    try {
      for (const choice of choices) await write(client, choice, node);
      await waitFor({ what: `the volumes of pod ${pod.key}`, timeoutMs: BIND_TIMEOUT_MS, everyMs: 50, signal }, () => {
        if (isGone()) throw new GiveUp(`pod ${pod.key} is gone`);
        return waiting.every((claim) => this.#claims.get(keyOf(claim))?.status?.phase === 'Bound');
      });
    } finally {
      for (const name of names) this.#promised.delete(name);
    }
  }

  #isDelayed(claim: PersistentVolumeClaim): boolean {
    return this.#classes.get(storageClassOf(claim))?.volumeBindingMode === 'WaitForFirstConsumer';
  }

  /** The largest claims choose last, so that small ones leave them what is large. Undefined: the node cannot serve all. */
  #choose(claims: readonly PersistentVolumeClaim[], node: Node): Choice[] | undefined {
    const choices: Choice[] = [];
    const taken = new Set<PersistentVolume>();
    for (const claim of [...claims].sort((a, b) => compareQuantities(requestOf(a), requestOf(b)))) {
      const volume = bestMatch(
        claim,
        this.#volumes.list().filter((one) => reachableFrom(one, node)),
        (one) => !taken.has(one) && !this.#promised.has(one.metadata.name ?? ''),
      );
      if (volume) taken.add(volume);
      else if (!this.#canProvision(claim, node)) return undefined;
      choices.push({ claim, ...(volume ? { volume } : {}) });
    }
    return choices;
  }

  #canProvision(claim: PersistentVolumeClaim, node: Node): boolean {
    const found = this.#classes.get(storageClassOf(claim));
    if (!found || found.provisioner === NO_PROVISIONER) return false;
    const chosen = claim.metadata.annotations?.[SELECTED_NODE];
    if (chosen !== undefined && chosen !== node.metadata.name) return false;
    const terms = found.allowedTopologies ?? [];
    const fits = ({ matchLabelExpressions = [] }: (typeof terms)[number]) =>
      matchLabelExpressions.every(({ key, values }) => values.includes(node.metadata.labels?.[key] ?? ''));
    return terms.length === 0 || terms.some(fits);
  }
}

/** A volume is reserved for its claim; a driver is asked to make one for the node. */
async function write(client: Client, { claim, volume }: Choice, node: Node): Promise<void> {
  if (volume) {
    if (volume.spec?.claimRef?.uid !== claim.metadata.uid) await client.update(RESOURCES.persistentvolumes, boundVolume(volume, claim));
    return;
  }
  const { name = '', namespace = '', uid } = claim.metadata;
  const metadata = { uid, annotations: { [SELECTED_NODE]: node.metadata.name } };
  await client.patch(RESOURCES.persistentvolumeclaims, name, 'merge', { metadata }, { namespace });
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
