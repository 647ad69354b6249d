// What a container left behind when it ended: its message file, else the tail of its log where the pod asks for it.
import { open } from 'node:fs/promises';
import type { Container } from '../../api/gen/types/core.v1.ts';
import type { ContainerStatus } from '../cri/index.ts';

const FILE_BYTES_MAX = 4096;
const LOG_BYTES_MAX = 2048;
const LOG_LINES_MAX = 80;

/** '' when there is none. */
export async function readTerminationMessage(container: Container | undefined, record: ContainerStatus): Promise<string> {
  const at = container?.terminationMessagePath || '/dev/termination-log';
  const file = record.mounts.find(({ containerPath }) => containerPath === at)?.hostPath;
  const text = file ? await tail(file, FILE_BYTES_MAX) : '';
  if (text !== '' || container?.terminationMessagePolicy !== 'FallbackToLogsOnError' || record.exitCode === 0) return text;
  return logTail(await tail(record.logPath, LOG_BYTES_MAX * 4));
}

/** The last lines of a log in CRI's format, or in Docker's, without stamps; pure. */
function logTail(log: string): string {
  const docker = log.split('\n').flatMap((line) => (/^\{.*"log":.*\}$/.test(line) ? [(JSON.parse(line) as { log: string }).log] : []));
  if (docker.length > 0) return Buffer.from(docker.slice(-LOG_LINES_MAX).join('')).subarray(-LOG_BYTES_MAX).toString();
  const lines = log.split('\n').filter((line) => / (stdout|stderr) [FP] /.test(line));
  const text = lines
    .slice(-LOG_LINES_MAX)
    .map((line) => {
      const [, , tag = 'F', ...rest] = line.split(' ');
      return rest.join(' ') + (tag.startsWith('F') ? '\n' : '');
    })
    .join('');
  return Buffer.from(text).subarray(-LOG_BYTES_MAX).toString();
}

/** The end of a file. Containers may leave anything at that path: only regular files are read, and only so much. */
async function tail(path: string, bytesMax: number): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return '';
  try {
    const stats = await file.stat();
    const size = stats.isFile() ? stats.size : 0;
    const buffer = Buffer.alloc(Math.min(size, bytesMax));
    await file.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString();
  } finally {
    await file.close();
  }
}
