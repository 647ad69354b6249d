// /run: a command to its end, its output as the answer. Older than exec; scripts that speak to nodes directly use it.
import type { Cri } from '../cri/index.ts';
import { type PodSource, runningContainer } from './find-container.ts';
import { HttpError } from './http-error.ts';

/** Nobody waits for ever. */
const TIMEOUT_MS = 120_000;

/**
 * `rest`: namespace, pod, (its uid,) container. The command is one text, split at blanks, as upstream has it.
 * @throws HttpError 404 without such a pod, 500 with what the command said when it failed
 */
export async function runCommand(cri: Cri, pods: PodSource, rest: readonly string[], command: string): Promise<Buffer> {
  const [namespace = '', pod = ''] = rest;
  const words = command.split(' ');
  const container = await runningContainer(cri, pods, namespace, pod, rest.at(-1) ?? '');
  const { exitCode, stdout, stderr } = await cri.execSync(container.id, words, TIMEOUT_MS);
  if (exitCode !== 0) throw new HttpError(500, `command '${command}' exited with ${exitCode}: ${stderr.toString()}`);
  return Buffer.concat([stdout, stderr]);
}
