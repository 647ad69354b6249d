// Each pod gets a service account, its pull secrets and a volume with its token, the cluster's CA and the namespace.
import { randomInt } from 'node:crypto';
import type { KubeObject } from '../../../api/meta/index.ts';
import type { Clock } from '../../../kit/run/index.ts';
import type { AdmissionPlugin, Attributes, Reader } from '../request.ts';
import { concerns, isMirrorPod, refused } from './attributes.ts';

const ACCOUNTS = { group: '', plural: 'serviceaccounts' };
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
/** No vowels and no digits that read like letters: the alphabet of generated names. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
/** The default account of a new namespace is made by a controller: wait for it up to half a second. */
const DEFAULT_ATTEMPTS = 10;
const RETRY_MS = 50;

const suffix = (): string => Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');

async function findAccount(reader: Reader, clock: Clock, namespace: string, name: string): Promise<KubeObject | undefined> {
  const attempts = name === 'default' ? DEFAULT_ATTEMPTS : 1;
  for (let attempt = 1; ; attempt++) {
    const found = reader.get(ACCOUNTS, namespace, name) ?? (await reader.getFresh(ACCOUNTS, namespace, name));
    if (found || attempt >= attempts) return found;
    await clock.sleep(RETRY_MS);
  }
}

const tokenVolume = (name: string): object => ({
  name,
  projected: {
    defaultMode: 0o644,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ],
  },
});

interface Container {
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
}

/** Mounts the token volume in each container that has nothing at its place; adds the volume when one needs it. */
function mountToken(spec: Record<string, any>, volumeName: string): void {
  const containers = [...(spec['initContainers'] ?? []), ...(spec['containers'] ?? [])] as Container[];
  const bare = containers.filter((container) => !container.volumeMounts?.some((mount) => mount.mountPath === MOUNT_PATH));
  if (bare.length === 0) return;
  for (const container of bare)
    container.volumeMounts = [...(container.volumeMounts ?? []), { name: volumeName, readOnly: true, mountPath: MOUNT_PATH }];
  spec['volumes'] = [...(spec['volumes'] ?? []), tokenVolume(volumeName)];
}

async function giveAccount(reader: Reader, clock: Clock, attributes: Attributes): Promise<void> {
  const spec = attributes.object!['spec'];
  spec.serviceAccountName ||= spec.serviceAccount || 'default';
  spec.serviceAccount = spec.serviceAccountName;
  const { namespace } = attributes;
  const account = await findAccount(reader, clock, namespace, spec.serviceAccountName);
  if (!account)
    throw refused(
      attributes,
      `error looking up service account ${namespace}/${spec.serviceAccountName}: serviceaccount "${spec.serviceAccountName}" not found`,
    );
  const automount: boolean = spec.automountServiceAccountToken ?? account['automountServiceAccountToken'] ?? true;
  if (automount) mountToken(spec, `kube-api-access-${suffix()}`);
  if (!spec.imagePullSecrets?.length && account['imagePullSecrets']?.length)
    spec.imagePullSecrets = structuredClone(account['imagePullSecrets']);
}

export const serviceAccount = (reader: Reader, clock: Clock): AdmissionPlugin => ({
  name: 'ServiceAccount',
  admit: (attributes) =>
    concerns(attributes, '', 'Pod', 'CREATE') && !isMirrorPod(attributes) ? giveAccount(reader, clock, attributes) : undefined,
});
