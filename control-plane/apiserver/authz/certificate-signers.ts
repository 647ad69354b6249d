// Approving and signing certificate requests is a right on the signer, beside that on the request.
import { deepEqual, goQuote } from '../../../api/meta/index.ts';
import { parseSigningRequest } from '../../../kit/net/index.ts';
import { refused } from '../admission/attributes.ts';
import type { AdmissionPlugin, Attributes } from '../request.ts';
import { type Authorizer, MASTERS } from './authorizer.ts';

const GROUP = 'certificates.k8s.io';
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

function may(attributes: Attributes, authorizer: Authorizer, verb: 'approve' | 'sign', signer: string): boolean {
  const names = [signer, `${signer.split('/')[0]}/*`];
  const question = {
    user: attributes.user,
    verb,
    group: GROUP,
    version: '*',
    resource: 'signers',
    subresource: '',
    namespace: '',
    path: '',
    isResource: true,
  };
  return names.some((name) => authorizer.authorize({ ...question, name }).allowed);
}

/** Nobody becomes a master by a certificate. */
function checkSubject(attributes: Attributes): void {
  const { spec } = attributes.object as { spec?: { signerName?: string; request?: string } } & object;
  if (attributes.operation !== 'CREATE' || spec?.signerName !== CLIENT_SIGNER) return;
  let organizations: readonly string[];
  try {
    ({ organizations } = parseSigningRequest(Buffer.from(spec.request ?? '', 'base64').toString()));
  } catch {
    return; // validation tells what is wrong with the request
  }
  if (organizations.includes(MASTERS)) throw refused(attributes, `use of ${CLIENT_SIGNER} signer with ${MASTERS} group is not allowed`);
}

export const certificateSigners = (authorizer: Authorizer): AdmissionPlugin => ({
  name: 'CertificateSigners',
  validate(attributes) {
    const { kind, object, oldObject, operation, subresource } = attributes;
    if (kind.group !== GROUP || kind.kind !== 'CertificateSigningRequest' || !object) return undefined;
    if (subresource === '') checkSubject(attributes);
    if (operation !== 'UPDATE' || !oldObject) return undefined;
    const signer: string = oldObject['spec']?.signerName ?? '';
    if (subresource === 'approval' && !may(attributes, authorizer, 'approve', signer))
      throw refused(attributes, `user not permitted to approve requests with signerName ${goQuote(signer)}`);
    const signs =
      subresource === 'status' &&
      (object['status']?.certificate !== oldObject['status']?.certificate ||
        !deepEqual(object['status']?.conditions, oldObject['status']?.conditions));
    if (signs && !may(attributes, authorizer, 'sign', signer))
      throw refused(attributes, `user not permitted to sign requests with signerName ${goQuote(signer)}`);
    return undefined;
  },
});
