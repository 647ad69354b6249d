// Ownership by selector: a controller takes what matches and has no controller, and lets go what matches no more.
import { controllerOf, controllerReference, isStatusError, type KubeObject, type Selector } from '../../../api/meta/index.ts';
import type { Client, Resource } from '../../../kit/client/index.ts';

export interface Claim<T> {
  client: Client;
  /** What is claimed: pods, replicasets, controllerrevisions. */
  resource: Resource;
  /** With apiVersion and kind. */
  owner: KubeObject;
  ownerResource: Resource;
  selector: Selector;
  /** All objects of the namespace that the owner has, and those that nobody has. */
  candidates: readonly T[];
  /** What is owned is held by it: it comes with adoption and goes with release. */
  finalizer?: string;
}

/** The pure part: what is owned, what to adopt, what to release. */
function sortCandidates<T extends KubeObject>(
  owner: KubeObject,
  selector: Selector,
  candidates: readonly T[],
): { owned: T[]; adopt: T[]; release: T[] } {
  const result = { owned: [] as T[], adopt: [] as T[], release: [] as T[] };
  for (const candidate of candidates) {
    const controller = controllerOf(candidate);
    const matches = selector.matches(candidate.metadata.labels);
    if (controller && controller.uid !== owner.metadata.uid) continue;
    if (controller) {
      if (matches || owner.metadata.deletionTimestamp) result.owned.push(candidate);
      else result.release.push(candidate);
    } else if (matches && !candidate.metadata.deletionTimestamp && !owner.metadata.deletionTimestamp) result.adopt.push(candidate);
  }
  return result;
}

/** Adopts and releases; returns what the owner has afterwards. */
export async function claim<T extends KubeObject>(options: Claim<T>): Promise<T[]> {
  const { client, resource, owner, selector, finalizer } = options;
  const { owned, adopt, release } = sortCandidates(owner, selector, options.candidates);
  if (adopt.length > 0) await refuseIfGone(options);
  await Promise.all([
    ...adopt.map(async (object) => {
      const held = finalizer === undefined ? {} : { finalizers: [finalizer] };
      const patch = { metadata: { uid: object.metadata.uid, ownerReferences: [controllerReference(owner)], ...held } };
      const adopted = await unlessGone(client.patch<T>(resource, nameOf(object), 'strategic', patch, paramsOf(object)));
      if (adopted) owned.push(adopted);
    }),
    ...release.map(async (object) => {
      const held = finalizer === undefined ? {} : { '$deleteFromPrimitiveList/finalizers': [finalizer] };
      const ownerReferences = [{ $patch: 'delete', uid: owner.metadata.uid }];
      const patch = { metadata: { uid: object.metadata.uid, ownerReferences, ...held } };
      await unlessGone(client.patch(resource, nameOf(object), 'strategic', patch, paramsOf(object)));
    }),
  ]);
  return owned;
}

const nameOf = (object: KubeObject): string => object.metadata.name ?? '';
const paramsOf = (object: KubeObject): { namespace?: string } =>
  object.metadata.namespace ? { namespace: object.metadata.namespace } : {};

/** The cache may be old: adoption needs to know that the owner still is. */
async function refuseIfGone<T>({ client, owner, ownerResource }: Claim<T>): Promise<void> {
  const fresh = await client.get(ownerResource, nameOf(owner), paramsOf(owner));
  if (fresh.metadata.uid !== owner.metadata.uid)
    throw new Error(`original ${owner.kind} ${nameOf(owner)} is gone: got uid ${fresh.metadata.uid}, wanted ${owner.metadata.uid}`);
  if (fresh.metadata.deletionTimestamp)
    throw new Error(`${owner.kind} ${nameOf(owner)} has just been deleted at ${fresh.metadata.deletionTimestamp}`);
}

async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    // Gone, or another object by now (its uid does not match): nothing to own.
    if (isStatusError(error, 'NotFound') || isStatusError(error, 'Invalid') || isStatusError(error, 'Conflict')) return undefined;
    throw error;
  }
}
