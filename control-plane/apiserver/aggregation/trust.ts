// What extension servers must know to believe the front proxy and our clients: ConfigMap kube-system/extension-apiserver-authentication.
import { deepEqual, type KubeObject } from '../../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../../kit/client/index.ts';

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
  if (present === undefined) await client.create(RESOURCES.configmaps, object);
  else if (!deepEqual(present['data'], data)) await client.update(RESOURCES.configmaps, { ...present, data });
}

export const TRUST = { resource: RESOURCES.configmaps, namespace: NAMESPACE, name: NAME };
