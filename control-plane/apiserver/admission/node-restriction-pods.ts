// What an agent may do with pods: make and delete mirror pods, report and evict those of its node, ask for their tokens.
import { deepEqual, type KubeObject, notFound } from '../../../api/meta/index.ts';
import { referencesOf } from '../authz/index.ts';
import type { Attributes, Reader } from '../request.ts';
import { refused } from './attributes.ts';

const PODS = { group: '', plural: 'pods' };
const NODES = { group: '', plural: 'nodes' };
const MIRROR = 'kubernetes.io/config.mirror';

export async function existing(attributes: Attributes, reader: Reader, name: string): Promise<KubeObject> {
  const { namespace } = attributes;
  const pod = reader.get(PODS, namespace, name) ?? (await reader.getFresh(PODS, namespace, name));
  if (!pod) throw notFound(PODS, name);
  return pod;
}

async function checkOwner(attributes: Attributes, node: string, pod: KubeObject, reader: Reader): Promise<void> {
  const quoted = JSON.stringify(node);
  const owners = pod.metadata.ownerReferences ?? [];
  if (owners.length > 1) throw refused(attributes, `node ${quoted} can only create pods with a single owner reference set to itself`);
  const [owner] = owners;
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
    throw refused(attributes, `node ${quoted} can only create pods with an owner reference set to itself`);
  if (owner.controller !== true)
    throw refused(attributes, `node ${quoted} can only create pods with a controller owner reference set to itself`);
  if (owner.blockOwnerDeletion) throw refused(attributes, `node ${quoted} must not set blockOwnerDeletion on an owner reference`);
  const own = reader.get(NODES, '', node) ?? (await reader.getFresh(NODES, '', node));
  if (!own) throw notFound(NODES, node);
  if (owner.uid !== own.metadata.uid) throw refused(attributes, `node ${node} UID mismatch: expected ${owner.uid} got ${own.metadata.uid}`);
}

/** What leads from a volume to other objects, in upstream's words; those that are not named lead nowhere. */
const VOLUMES_OF_OBJECTS: Readonly<Record<string, string>> = {
  configMap: 'configmaps (via configmap volumes)',
  secret: 'secrets (via secret volumes)',
  csi: 'csidrivers (via CSI volumes)',
  glusterfs: 'endpoints (via glusterFS volumes)',
  persistentVolumeClaim: 'persistentvolumeclaims',
  ephemeral: 'persistentvolumeclaims (via ephemeral volumes)',
  azureFile: 'secrets (via azureFile volumes)',
};
const SOURCES_OF_OBJECTS: Readonly<Record<string, string>> = {
  configMap: 'configmaps (via projected volumes)',
  secret: 'secrets (via projected volumes)',
  serviceAccountToken: 'serviceaccounts (via projected volumes)',
  clusterTrustBundle: 'clustertrustbundles',
  podCertificate: 'podcertificates',
};

const firstNamed = (texts: Readonly<Record<string, string>>, of: object): string | undefined =>
  Object.entries(of).flatMap(([key, value]) => (value != null && Object.hasOwn(texts, key) ? [texts[key]!] : []))[0];

/** The first kind of objects that the pod refers to. */
function referred(pod: KubeObject): string | undefined {
  const { secrets, configmaps } = referencesOf(pod);
  const spec = pod['spec'] ?? {};
  if (spec.serviceAccountName) return 'serviceaccounts';
  if (secrets.size > 0) return 'secrets';
  if (configmaps.size > 0) return 'configmaps';
  if (spec.resourceClaims?.length) return 'resourceclaims';
  for (const volume of (spec.volumes ?? []) as Record<string, any>[]) {
    const found = firstNamed(VOLUMES_OF_OBJECTS, volume);
    if (found) return found;
    for (const source of volume['projected']?.sources ?? []) {
      const projected = firstNamed(SOURCES_OF_OBJECTS, source);
      if (projected) return projected;
    }
  }
  return undefined;
}

/** A mirror pod shows what runs from a file: it may give the agent no way to other objects. */
function checkReferences(attributes: Attributes, node: string, pod: KubeObject): void {
  const what = referred(pod);
  if (what) throw refused(attributes, `node ${JSON.stringify(node)} can not create pods that reference ${what}`);
}

async function checkCreate(attributes: Attributes, node: string, reader: Reader): Promise<void> {
  const pod = attributes.object!;
  const quoted = JSON.stringify(node);
  if (pod.metadata.annotations?.[MIRROR] === undefined)
    throw refused(attributes, `pod does not have "${MIRROR}" annotation, node ${quoted} can only create mirror pods`);
  if (pod['spec']?.nodeName !== node) throw refused(attributes, `node ${quoted} can only create pods with spec.nodeName set to itself`);
  await checkOwner(attributes, node, pod, reader);
  checkReferences(attributes, node, pod);
}

function checkStatus(attributes: Attributes, node: string): void {
  const { object, oldObject } = attributes;
  const quoted = JSON.stringify(node);
  if (oldObject?.['spec']?.nodeName !== node)
    throw refused(attributes, `node ${quoted} can only update pod status for pods with spec.nodeName set to itself`);
  if (!deepEqual(object?.metadata.labels ?? {}, oldObject.metadata.labels ?? {}))
    throw refused(attributes, `node ${quoted} cannot update labels through pod status`);
  const claims = (of: KubeObject | undefined): unknown => of?.['status']?.resourceClaimStatuses ?? [];
  if (!deepEqual(claims(object), claims(oldObject))) throw refused(attributes, `node ${quoted} cannot update resource claim statues`);
  const extended = (of: KubeObject | undefined): unknown => of?.['status']?.extendedResourceClaimStatus;
  if (!deepEqual(extended(object), extended(oldObject)))
    throw refused(attributes, `node ${quoted} cannot update extended resource claim status`);
}

export async function checkPod(attributes: Attributes, node: string, reader: Reader): Promise<void> {
  const { operation, subresource, name, object } = attributes;
  const quoted = JSON.stringify(node);
  if (subresource === 'status') return checkStatus(attributes, node);
  if (subresource === 'eviction') {
    const evicted = name || object?.metadata.name;
    if (!evicted) throw refused(attributes, 'could not determine pod from request data');
    if ((await existing(attributes, reader, evicted))['spec']?.nodeName !== node)
      throw refused(attributes, `node ${node} can only evict pods with spec.nodeName set to itself`);
    return;
  }
  if (subresource !== '')
    throw refused(attributes, `unexpected pod subresource ${JSON.stringify(subresource)}, only 'status' and 'eviction' are allowed`);
  if (operation === 'CREATE') return checkCreate(attributes, node, reader);
  if (operation !== 'DELETE')
    throw refused(attributes, `unexpected operation ${JSON.stringify(operation)}, node ${quoted} can only create and delete mirror pods`);
  if ((await existing(attributes, reader, name))['spec']?.nodeName !== node)
    throw refused(attributes, `node ${quoted} can only delete pods with spec.nodeName set to itself`);
}
