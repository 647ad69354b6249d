// What the API says for a request to a driver: its settings, the attachment, secrets and the pod's tokens.
import type { Pod, Secret } from '../../../api/gen/types/core.v1.ts';
import type { CSIDriver, VolumeAttachment } from '../../../api/gen/types/storage.v1.ts';
import { isStatusError, type KubeObject } from '../../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../../kit/client/index.ts';
import { attachmentName } from '../../../kit/placement/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { VolumeProblem } from '../payload.ts';
import type { Tokens } from '../tokens.ts';
import type { SecretRef, Wanted } from './request.ts';

/** Undefined: nobody made a CSIDriver for it, all is as by default. */
export async function settingsOf(client: Client, driver: string): Promise<(CSIDriver & KubeObject) | undefined> {
  return client.get<CSIDriver & KubeObject>(RESOURCES.csidrivers, driver).catch((error: unknown) => {
    if (!isStatusError(error, 'NotFound')) throw error;
    return undefined;
  });
}

export const isAttachable = (wanted: Wanted, settings: CSIDriver | undefined): boolean =>
  !wanted.isInline && settings?.spec.attachRequired !== false;

/** What the attacher left for the node; {} when nothing is to be attached. @throws VolumeProblem when it is not attached */
export async function attachedContext(
  client: Client,
  nodeName: string,
  wanted: Wanted,
  settings: CSIDriver | undefined,
): Promise<Record<string, string>> {
  if (!isAttachable(wanted, settings)) return {};
  const name = attachmentName(wanted.handle, wanted.driver, nodeName);
  const found = await attachmentOf(client, nodeName, wanted).catch((error: Error) => {
    throw new VolumeProblem(`volume ${wanted.handle} has GET error for volume attachment ${name}: ${error.message}`, 'WaitForAttach');
  });
  if (!found.status?.attached)
    throw new VolumeProblem(`volume ${wanted.handle} is not attached for volume attachment ${name}`, 'WaitForAttach');
  return found.status.attachmentMetadata ?? {};
}

/** @throws StatusError */
export const attachmentOf = (client: Client, nodeName: string, { driver, handle }: Pick<Wanted, 'driver' | 'handle'>) =>
  client.get<VolumeAttachment & KubeObject>(RESOURCES.volumeattachments, attachmentName(handle, driver, nodeName));

export async function secretData(client: Client, ref: SecretRef | undefined): Promise<Record<string, string>> {
  if (!ref) return {};
  const found = await client.get<Secret & KubeObject>(RESOURCES.secrets, ref.name, { namespace: ref.namespace });
  return Object.fromEntries(Object.entries(found.data ?? {}).map(([key, data]) => [key, Buffer.from(data, 'base64').toString()]));
}

const TOKENS = 'csi.storage.k8s.io/serviceAccount.tokens';

/** Where a driver that asks for the pod's tokens finds them: in the volume's context, or with its secrets. */
export async function podTokens(
  source: Pick<Tokens, 'get'>,
  pod: Pod,
  settings: CSIDriver | undefined,
): Promise<{ context: Record<string, string>; secrets: Record<string, string> }> {
  const { tokenRequests = [], serviceAccountTokenInSecrets = false } = settings?.spec ?? {};
  if (tokenRequests.length === 0) return { context: {}, secrets: {} };
  const tokens: Record<string, { token: string; expirationTimestamp: string }> = {};
  for (const { audience, expirationSeconds = 3600 } of tokenRequests) {
    const { text, endMs } = await source.get(pod, { audience: audience || undefined, expirationSeconds });
    tokens[audience] = { token: text, expirationTimestamp: rfc3339(endMs) };
  }
  const found = { [TOKENS]: JSON.stringify(tokens) };
  return serviceAccountTokenInSecrets ? { context: {}, secrets: found } : { context: found, secrets: {} };
}
