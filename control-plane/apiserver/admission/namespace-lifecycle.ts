// Nothing is made in a namespace that is absent or going away; three namespaces stay for ever.
import { type KubeObject, notFound, StatusError } from '../../../api/meta/index.ts';
import type { AdmissionPlugin, Attributes, Reader } from '../request.ts';
import { refused } from './attributes.ts';

const NAMESPACES = { group: '', plural: 'namespaces' };
const IMMORTAL = ['default', 'kube-system', 'kube-public'];

function terminating(attributes: Attributes): StatusError {
  const { namespace } = attributes;
  const base = refused(attributes, `unable to create new content in namespace ${namespace} because it is being terminated`);
  const cause = { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' };
  return new StatusError(403, 'Forbidden', base.message, { ...base.details, causes: [cause] });
}

function checkIsLiving(attributes: Attributes, found: KubeObject | undefined): void {
  if (!found) throw notFound(NAMESPACES, attributes.namespace);
  if (attributes.operation === 'CREATE' && (found.metadata.deletionTimestamp || found['status']?.phase === 'Terminating'))
    throw terminating(attributes);
}

export const namespaceLifecycle = (reader: Reader): AdmissionPlugin => ({
  name: 'NamespaceLifecycle',
  admit(attributes) {
    const { kind, operation, namespace, name } = attributes;
    if (kind.group === '' && kind.kind === 'Namespace') {
      if (operation === 'DELETE' && IMMORTAL.includes(name)) throw refused(attributes, 'this namespace may not be deleted');
      return;
    }
    if (!kind.namespaced || namespace === '' || operation === 'DELETE' || operation === 'CONNECT') return;
    if (kind.kind === 'LocalSubjectAccessReview') return;
    const found = reader.get(NAMESPACES, '', namespace);
    if (!found) return reader.getFresh(NAMESPACES, '', namespace).then((fresh) => checkIsLiving(attributes, fresh));
    checkIsLiving(attributes, found);
    return;
  },
});
