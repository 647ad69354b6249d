// An agent writes its own node, its own pods and its own lease only.
import { deepEqual, type KubeObject } from '../../../api/meta/index.ts';
import { parseSigningRequest } from '../../../kit/net/index.ts';
import { LOCAL_PATH_FINALIZER } from '../../../kit/placement/index.ts';
import { type Authorizer, nodeNameOf } from '../authz/index.ts';
import type { AdmissionPlugin, Attributes, Reader } from '../request.ts';
import { refused } from './attributes.ts';
import { checkNode } from './node-restriction-nodes.ts';
import { checkPod } from './node-restriction-pods.ts';
import { checkToken } from './node-restriction-tokens.ts';

const LEASES_NAMESPACE = 'kube-node-lease';

/** Of a create the name may be in the object alone. */
const nameOf = ({ operation, name, object }: Attributes): string => (operation === 'CREATE' ? (object?.metadata.name ?? name) : name);

function checkLease(attributes: Attributes, node: string): void {
  if (attributes.namespace !== LEASES_NAMESPACE)
    throw refused(attributes, `can only access leases in the "${LEASES_NAMESPACE}" system namespace`);
  if (nameOf(attributes) !== node) throw refused(attributes, 'can only access node lease with the same name as the requesting node');
}

function checkCsiNode(attributes: Attributes, node: string): void {
  if (nameOf(attributes) !== node) throw refused(attributes, 'can only access CSINode with the same name as the requesting node');
}

/** What volumes have become is the agent's to say, and nothing else of a claim. */
function checkClaimStatus(attributes: Attributes, node: string): void {
  const rest = (claim: KubeObject | undefined): unknown => {
    const { resourceVersion: _, managedFields: __, ...metadata } = claim?.metadata ?? {};
    const { capacity, conditions, allocatedResources, allocatedResourceStatuses, ...status } = claim?.['status'] ?? {};
    return { ...claim, metadata, status };
  };
  if (attributes.operation === 'UPDATE' && !deepEqual(rest(attributes.object), rest(attributes.oldObject)))
    throw refused(
      attributes,
      `node ${JSON.stringify(node)} is not allowed to update fields other than status.capacity and status.conditions`,
    );
}

/** Of a volume that is its folder an agent writes the finalizer that says so, and nothing else. */
function checkVolume(attributes: Attributes, node: string): void {
  const rest = (volume: KubeObject | undefined): unknown => {
    const { resourceVersion: _, managedFields: __, finalizers = [], ...metadata } = volume?.metadata ?? {};
    return { ...volume, metadata: { ...metadata, finalizers: finalizers.filter((name) => name !== LOCAL_PATH_FINALIZER) } };
  };
  if (attributes.operation !== 'UPDATE' || !deepEqual(rest(attributes.object), rest(attributes.oldObject)))
    throw refused(
      attributes,
      `node ${JSON.stringify(node)} is not allowed to change volumes but for the finalizer ${LOCAL_PATH_FINALIZER}`,
    );
}

function checkSlice(attributes: Attributes, node: string): void {
  const { operation, object, oldObject } = attributes;
  if (operation === 'UPDATE') return;
  const created = operation === 'CREATE';
  if ((created ? object : oldObject)?.['spec']?.nodeName !== node)
    throw refused(attributes, `can only ${created ? 'create' : 'delete'} ResourceSlice with the same NodeName as the requesting node`);
}

const NODE_SIGNERS = ['kubernetes.io/kube-apiserver-client-kubelet', 'kubernetes.io/kubelet-serving'];

/** A node asks for certificates of its own name. */
function checkRequest(attributes: Attributes): void {
  const { operation, object, user, subresource } = attributes;
  const spec = object?.['spec'];
  if (operation !== 'CREATE' || subresource !== '' || !NODE_SIGNERS.includes(spec?.signerName)) return;
  let commonName: string;
  try {
    ({ commonName } = parseSigningRequest(Buffer.from(String(spec.request ?? ''), 'base64').toString()));
  } catch (error) {
    throw refused(attributes, `unable to parse csr: ${(error as Error).message}`);
  }
  if (commonName !== user.name) throw refused(attributes, `can only create a node CSR with CN=${user.name}`);
}

async function checkWrite(attributes: Attributes, node: string, reader: Reader, authorizer: Authorizer): Promise<void> {
  if (node === '') throw refused(attributes, `could not determine node from user ${JSON.stringify(attributes.user.name)}`);
  const { kind, subresource } = attributes;
  switch (`${kind.group}/${kind.plural}`) {
    case '/nodes':
      return checkNode(attributes, node);
    case '/pods':
      return checkPod(attributes, node, reader);
    case '/serviceaccounts':
      return subresource === 'token' ? checkToken(attributes, node, reader, authorizer) : undefined;
    case '/persistentvolumes':
      return checkVolume(attributes, node);
    case '/persistentvolumeclaims':
      if (subresource !== 'status') throw refused(attributes, 'may only update PVC status');
      return checkClaimStatus(attributes, node);
    case 'coordination.k8s.io/leases':
      return checkLease(attributes, node);
    case 'storage.k8s.io/csinodes':
      return checkCsiNode(attributes, node);
    case 'resource.k8s.io/resourceslices':
      return checkSlice(attributes, node);
    case 'certificates.k8s.io/certificatesigningrequests':
      return checkRequest(attributes);
    default:
      return undefined;
  }
}

export const nodeRestriction = (reader: Reader, authorizer: Authorizer): AdmissionPlugin => ({
  name: 'NodeRestriction',
  admit(attributes) {
    const node = nodeNameOf(attributes.user);
    return node === undefined || attributes.operation === 'CONNECT' ? undefined : checkWrite(attributes, node, reader, authorizer);
  },
});
