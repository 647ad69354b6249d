// What extension servers must know to believe the front proxy and our clients: ConfigMap kube-system/extension-apiserver-authentication.
import { deepEqual, type KubeObject } from '../../../api/meta/index.ts';
import type { Client, Resource } from '../../../kit/client/index.ts';

export interface FrontProxy {
  /** PEM of the authority of `client`. */
  ca: string;
  /** The certificate with which we come to extension servers. */
  client: { cert: string; key: string };
  /** PEM of the authority of clients' certificates. */
  clientCa: string;
}

/** Of the certificate's subject (kit/net issues it). */
export const FRONT_PROXY_NAME = 'front-proxy-client';

const CONFIG_MAPS: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
const NAME = 'extension-apiserver-authentication';
const NAMESPACE = 'kube-system';

const dataOf = ({ ca, clientCa }: FrontProxy): Record<string, string> => ({
  'client-ca-file': clientCa,
  'requestheader-allowed-names': JSON.stringify([FRONT_PROXY_NAME]),
  'requestheader-client-ca-file': ca,
  'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
  'requestheader-group-headers': '["X-Remote-Group"]',
  'requestheader-uid-headers': '["X-Remote-Uid"]',
  'requestheader-username-headers': '["X-Remote-User"]',
});

/** Makes it, or brings it up to date after keys changed. */
export async function publishTrust(client: Client, present: KubeObject | undefined, frontProxy: FrontProxy): Promise<void> {
  const data = dataOf(frontProxy);
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: NAME, namespace: NAMESPACE }, data };
  if (present === undefined) await client.create(CONFIG_MAPS, object);
  else if (!deepEqual(present['data'], data)) await client.update(CONFIG_MAPS, { ...present, data });
}

export const TRUST = { resource: CONFIG_MAPS, namespace: NAMESPACE, name: NAME };
