// Certificate requests that nobody needs any more are deleted: decided, issued or left lying for long enough (upstream's csrcleaner).
import type { CertificateSigningRequest } from '../../../api/gen/types/certificates.v1.ts';
import { isStatusError } from '../../../api/meta/index.ts';
import { RESOURCES } from '../../../kit/client/index.ts';
import { notAfterMs } from '../../../kit/net/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';

const HOUR_MS = 3_600_000;
/** After its last condition changed. */
const DECIDED_MS = HOUR_MS;
const PENDING_MS = 24 * HOUR_MS;

type Condition = { type: string; lastUpdateTime?: string; lastTransitionTime?: string };

const timeOf = ({ lastUpdateTime, lastTransitionTime }: Condition): number => Date.parse(lastUpdateTime ?? lastTransitionTime ?? '');

/** The end of the certificate's life, when there is one that can be read. */
function expiryOf(certificate: string | undefined): number | undefined {
  try {
    return certificate ? notAfterMs(Buffer.from(certificate, 'base64').toString()) : undefined;
  } catch {
    return undefined;
  }
}

/** When the request may go, in milliseconds since the epoch. Pure. */
export function goesAtMs({ metadata, status }: Pick<CertificateSigningRequest, 'metadata' | 'status'>): number {
  const conditions = (status?.conditions ?? []) as Condition[];
  const ends = [Date.parse(metadata.creationTimestamp ?? '') + (conditions.length > 0 ? Number.POSITIVE_INFINITY : PENDING_MS)];
  for (const condition of conditions) {
    const at = timeOf(condition);
    if (!Number.isNaN(at)) ends.push(at + DECIDED_MS);
  }
  const expiry = expiryOf(status?.certificate as string | undefined);
  if (expiry !== undefined) ends.push(expiry);
  return Math.min(...ends.filter((end) => !Number.isNaN(end)));
}

export const certificateCleaner: Controller = {
  name: 'certificatesigningrequest-cleaner',
  user: account('certificate-controller'),
  start(context, signal, ready) {
    const { client, informers, clock } = context;
    const requests = informers.of<CertificateSigningRequest>(RESOURCES.certificatesigningrequests);
    const queue = reconcilerOf('certificatesigningrequest-cleaner', context, signal, ready, async (name) => {
      const request = requests.get(name);
      if (!request) return done;
      const left = goesAtMs(request) - clock.nowMs();
      if (left === Number.POSITIVE_INFINITY) return done;
      if (left > 0) return { retryAfterMs: left };
      await client.delete(RESOURCES.certificatesigningrequests, name).catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound')) throw error;
      });
      return done;
    });
    requests.on({
      added: ({ metadata }) => queue.add(metadata.name ?? ''),
      updated: (_, { metadata }) => queue.add(metadata.name ?? ''),
    });
  },
};
