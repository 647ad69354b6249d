// A certificate signing request remembers who made it: the server writes that, never the client.
import type { AdmissionPlugin } from '../request.ts';
import { concerns } from './attributes.ts';

export const certificateRequestor: AdmissionPlugin = {
  name: 'CertificateRequestor',
  admit(attributes) {
    const { object, oldObject, user, operation } = attributes;
    if (!concerns(attributes, 'certificates.k8s.io', 'CertificateSigningRequest', 'CREATE', 'UPDATE')) return;
    const spec = object!['spec'];
    const was = oldObject?.['spec'];
    const truth =
      operation === 'UPDATE'
        ? { username: was?.username, uid: was?.uid, groups: was?.groups, extra: was?.extra }
        : { username: user.name, uid: user.uid, groups: [...user.groups], extra: user.extra && structuredClone(user.extra) };
    for (const [field, value] of Object.entries(truth)) {
      if (value === undefined) delete spec[field];
      else spec[field] = value;
    }
  },
};
