// One JSON document over HTTPS: bounded in time and size, no redirects.
import { request } from 'node:https';

const TIMEOUT_MS = 10_000;
const BODY_MAX = 1024 * 1024;

/** `ca`: PEM of the authority that is trusted instead of the machine's own. */
export function fetchJson(url: string, ca: string | undefined): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const asked = request(url, { signal, headers: { accept: 'application/json' }, ...(ca ? { ca } : {}) }, (answer) => {
      const parts: Buffer[] = [];
      let size = 0;
      answer.on('error', reject);
      answer.on('data', (part: Buffer) => {
        size += part.length;
        if (size > BODY_MAX) answer.destroy(new Error(`${url}: more than ${BODY_MAX} bytes`));
        else parts.push(part);
      });
      answer.on('end', () => {
        if (answer.statusCode !== 200) return reject(new Error(`${url}: status ${answer.statusCode}`));
        try {
          resolve(JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>);
        } catch {
          reject(new Error(`${url}: no JSON`));
        }
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}
