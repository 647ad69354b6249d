// Long YAML bodies are read by a thread: an entry takes 25 µs, JSON of the same a hundredth, and meanwhile nobody else would be served.
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requestEntityTooLarge, StatusError, tooManyRequests } from '../../../api/meta/index.ts';
import { parseJson, parseYaml, readerOfAnswer, type YamlReader, yamlEntries } from '../../../api/wire/index.ts';
import { TextThread, ThreadError } from '../../../kit/run/index.ts';
import type { ApiRequest } from '../request.ts';

/** What takes some 25 ms is read at once: to hand it over is not worth the while. */
const AT_ONCE = 1000;
/** A line of 3 MB is one entry, but not read in no time. */
const AT_ONCE_BYTES = 64 * 1024;

const bundled = basename(dirname(fileURLToPath(import.meta.url))) === 'dist';
/** Of all listeners. Deadline and memory are seldom met: requests have the same deadline, and the thread refuses what does not fit. */
const thread = new TextThread(new URL(bundled ? './yaml-thread.js' : '../../../api/wire/yaml-thread.ts', import.meta.url), {
  memoryMb: 512,
  deadlineMs: 60_000,
  waitingMax: 16,
  idleMs: 10_000,
});

/** What the thread has read, for those who look at a body once more. */
const known = new WeakMap<Uint8Array, YamlReader>();

/** How the body's YAML is to be read, if it is any. @throws StatusError 413, 429, 504 */
export function yamlReader(request: Pick<ApiRequest, 'headers' | 'signal'>, body: Uint8Array): YamlReader | Promise<YamlReader> {
  return request.headers['content-type']?.toLowerCase().includes('yaml') && isLong(body) ? readByThread(body, request.signal) : parseYaml;
}

/** The same once more, after {@link yamlReader}. */
export function knownYamlReader(body: Uint8Array): YamlReader {
  return known.get(body) ?? parseYaml;
}

const textOf = (body: Uint8Array): string => Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');

/** Many clients send JSON under the name of YAML. What has keys twice is told in YAML's words. */
function isLong(body: Uint8Array): boolean {
  if (body.length < AT_ONCE) return false;
  const text = textOf(body);
  if (body.length < AT_ONCE_BYTES && yamlEntries(text, AT_ONCE) < AT_ONCE) return false;
  return !/^\s*[{[]/.test(text) || !isPlainJson(text);
}

function isPlainJson(text: string): boolean {
  try {
    return !parseJson(text).findings?.duplicates.length;
  } catch {
    return false;
  }
}

async function readByThread(body: Uint8Array, signal: AbortSignal): Promise<YamlReader> {
  try {
    const reader = readerOfAnswer(await thread.ask(textOf(body), signal));
    known.set(body, reader);
    return reader;
  } catch (error) {
    const refused = error instanceof ThreadError ? refusal(error.why) : error;
    known.set(body, () => {
      throw refused;
    });
    throw refused;
  }
}

function refusal(why: ThreadError['why']): StatusError {
  if (why === 'memory') return requestEntityTooLarge('to read this YAML takes more memory than is there for it');
  if (why === 'busy') return tooManyRequests('too many long YAML documents are being read, please try again later');
  return new StatusError(504, 'Timeout', 'Timeout: the YAML document was not read within the allotted timeout', {});
}
