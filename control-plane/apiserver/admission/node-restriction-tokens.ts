// Which tokens an agent may ask for: those of its node's pods, each bound to its pod, for the audiences that the pod's volumes name.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { Authorizer } from '../authz/index.ts';
import type { Attributes, Reader } from '../request.ts';
import { refused } from './attributes.ts';
import { existing } from './node-restriction-pods.ts';

/** A volume leads to a driver by itself or by its claim; undefined for one that has none, a text for one that cannot be looked up. */
function driverOf(reader: Reader, pod: KubeObject, volume: Record<string, any>): { driver?: string | undefined; error?: string } {
  if (volume['csi']) return { driver: volume['csi'].driver };
  const claimName = volume['ephemeral'] ? `${pod.metadata.name}-${volume['name']}` : volume['persistentVolumeClaim']?.claimName;
  if (claimName === undefined) return {};
  const claim = reader.get({ group: '', plural: 'persistentvolumeclaims' }, pod.metadata.namespace ?? '', claimName);
  if (!claim) return { error: `persistentvolumeclaim "${claimName}" not found` };
  const volumeName: string = claim['spec']?.volumeName ?? '';
  const found = reader.get({ group: '', plural: 'persistentvolumes' }, '', volumeName);
  return found ? { driver: found['spec']?.csi?.driver } : { error: `persistentvolume "${volumeName}" not found` };
}

/** Whether the pod's volumes ask for tokens of that audience; '' is the API server's own. `errors`: what could not be looked up. */
function namesAudience(reader: Reader, pod: KubeObject, audience: string): { named: boolean; errors: string[] } {
  const errors: string[] = [];
  for (const volume of (pod['spec']?.volumes ?? []) as Record<string, any>[]) {
    const sources: { serviceAccountToken?: { audience?: string } }[] = volume['projected']?.sources ?? [];
    if (sources.some(({ serviceAccountToken: token }) => token && (token.audience ?? '') === audience)) return { named: true, errors: [] };
    const { driver, error } = driverOf(reader, pod, volume);
    if (error) errors.push(error);
    if (!driver) continue;
    const object = reader.get({ group: 'storage.k8s.io', plural: 'csidrivers' }, '', driver);
    if (!object) errors.push(`csidriver.storage.k8s.io "${driver}" not found`);
    const requests: { audience?: string }[] = object?.['spec']?.tokenRequests ?? [];
    if (requests.some((request) => (request.audience ?? '') === audience)) return { named: true, errors: [] };
  }
  return { named: false, errors };
}

/** What no volume names may be granted by the verb request-serviceaccounts-token-audience (KEP-4412). */
function checkAudience(attributes: Attributes, pod: KubeObject, reader: Reader, authorizer: Authorizer): void {
  const { user, namespace, name } = attributes;
  const audiences: readonly string[] = attributes.object?.['spec']?.audiences ?? [];
  if (audiences.length > 1) throw refused(attributes, 'node may only request 0 or 1 audiences');
  const [audience = ''] = audiences;
  const quoted = JSON.stringify(audience);
  const { named, errors } = namesAudience(reader, pod, audience);
  if (named) return;
  if (errors.length > 0) {
    const texts = errors.length > 1 ? `[${[...new Set(errors)].join(', ')}]` : errors[0];
    throw refused(attributes, `error validating audience ${quoted}: ${texts}`);
  }
  const { allowed } = authorizer.authorize({
    user,
    verb: 'request-serviceaccounts-token-audience',
    group: '',
    version: 'v1',
    resource: audience,
    subresource: '',
    namespace,
    name,
    path: '',
    isResource: true,
  });
  if (allowed) return;
  throw refused(
    attributes,
    `audience ${quoted} not found in pod spec volume, ${user.name} is not authorized to request tokens for this audience`,
  );
}

export async function checkToken(attributes: Attributes, node: string, reader: Reader, authorizer: Authorizer): Promise<void> {
  const ref = attributes.object?.['spec']?.boundObjectRef;
  if (ref?.kind !== 'Pod' || ref.apiVersion !== 'v1' || !ref.name) throw refused(attributes, 'node requested token not bound to a pod');
  if (!ref.uid) throw refused(attributes, 'node requested token with a pod binding without a uid');
  const pod = await existing(attributes, reader, ref.name);
  if (ref.uid !== pod.metadata.uid)
    throw refused(
      attributes,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (pod['spec']?.nodeName !== node) throw refused(attributes, 'node requested token bound to a pod scheduled on a different node');
  checkAudience(attributes, pod, reader, authorizer);
}
