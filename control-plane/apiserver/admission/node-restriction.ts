// An agent writes its own node, its own pods and its own lease only.
import type { KubeObject } from '../../../api/meta/index.ts';
import { nodeNameOf } from '../authz/node.ts';
import type { AdmissionPlugin, Attributes, Reader } from '../request.ts';
import { refused } from './attributes.ts';

const PODS = { group: '', plural: 'pods' };

function checkNode(attributes: Attributes, node: string): void {
  const { name, operation, object, oldObject } = attributes;
  if (name !== node) throw refused(attributes, `node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(name)}`);
  const configSource = object?.['spec']?.configSource;
  if (operation === 'CREATE' && configSource)
    throw refused(attributes, `node ${JSON.stringify(node)} is not allowed to create pods with a non-nil configSource`);
  const taints = (of: KubeObject | undefined): string => JSON.stringify(of?.['spec']?.taints ?? []);
  if (operation === 'UPDATE' && attributes.subresource === '' && taints(object) !== taints(oldObject))
    throw refused(attributes, `node ${JSON.stringify(node)} is not allowed to modify taints`);
}

async function checkPod(attributes: Attributes, node: string, reader: Reader): Promise<void> {
  const { operation, subresource, namespace, name, object, oldObject } = attributes;
  if (operation === 'CREATE' && subresource === '') {
    if (object?.metadata.annotations?.['kubernetes.io/config.mirror'] === undefined)
      throw refused(
        attributes,
        `pod does not have "kubernetes.io/config.mirror" annotation, node ${JSON.stringify(node)} can only create mirror pods`,
      );
    if (object['spec']?.nodeName !== node)
      throw refused(attributes, `node ${JSON.stringify(node)} can only create pods with spec.nodeName set to itself`);
    return;
  }
  const existing = oldObject ?? reader.get(PODS, namespace, name) ?? (await reader.getFresh(PODS, namespace, name));
  if (!existing || existing['spec']?.nodeName === node) return;
  const what = operation === 'DELETE' ? 'delete pods' : subresource === 'status' ? 'update pod status for pods' : 'evict pods';
  throw refused(attributes, `node ${JSON.stringify(node)} can only ${what} with spec.nodeName set to itself`);
}

function checkToken(attributes: Attributes, node: string, reader: Reader): void {
  const ref = attributes.object?.['spec']?.boundObjectRef;
  if (ref?.kind !== 'Pod') throw refused(attributes, 'node requested token not bound to a pod');
  const pod = reader.get(PODS, attributes.namespace, ref.name);
  if (pod && pod['spec']?.nodeName !== node) throw refused(attributes, `node requested token bound to a pod scheduled on a different node`);
}

export const nodeRestriction = (reader: Reader): AdmissionPlugin => ({
  name: 'NodeRestriction',
  async admit(attributes) {
    const node = nodeNameOf(attributes.user);
    if (node === undefined) return;
    const { kind, subresource, name, operation } = attributes;
    if (operation === 'CONNECT') return;
    if (node === '') throw refused(attributes, `could not determine node from user ${JSON.stringify(attributes.user.name)}`);
    const of = `${kind.group}/${kind.plural}`;
    if (of === '/nodes') checkNode(attributes, node);
    else if (of === '/pods') await checkPod(attributes, node, reader);
    else if (of === '/serviceaccounts' && subresource === 'token') checkToken(attributes, node, reader);
    else if ((of === 'coordination.k8s.io/leases' || of === 'storage.k8s.io/csinodes') && name !== node)
      throw refused(
        attributes,
        `can only access ${kind.kind === 'Lease' ? 'node lease' : 'CSINode'} with the same name as the requesting node`,
      );
  },
});
