// One probe of a container: a command, an HTTP GET, a TCP connect or a gRPC health check.
import type { Container, Probe } from '../../api/gen/types/core.v1.ts';
import { type Cri, isCriError } from '../cri/index.ts';
import { grpcCheck } from './grpc-check.ts';
import { actionUrl, type CheckAnswer, httpCheck, portNumber, tcpCheck } from './http-check.ts';

const OUTPUT_MAX = 10 * 1024;
const USER_AGENT = 'kube-probe/1.36';

/** One that could not be made at all (a command that is not there) has erred. */
export async function runProbe(cri: Cri, probe: Probe, container: Container, containerId: string, podIP: string): Promise<CheckAnswer> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  if (probe.exec) return execProbe(cri, containerId, probe.exec.command ?? [], timeoutMs);
  try {
    if (probe.httpGet)
      return await httpCheck(actionUrl(probe.httpGet, container, podIP), probe.httpGet.httpHeaders ?? [], timeoutMs, USER_AGENT);
    if (probe.tcpSocket) return await tcpCheck(probe.tcpSocket.host || podIP, portNumber(container, probe.tcpSocket.port), timeoutMs);
    if (probe.grpc) return await grpcCheck(podIP, probe.grpc.port, probe.grpc.service ?? '', timeoutMs, USER_AGENT);
  } catch (error) {
    return erred(error); // e.g. a named port that is not there
  }
  return { ok: true, text: '' };
}

async function execProbe(cri: Cri, containerId: string, command: readonly string[], timeoutMs: number): Promise<CheckAnswer> {
  try {
    const { exitCode, stdout, stderr } = await cri.execSync(containerId, command, timeoutMs, OUTPUT_MAX);
    return { ok: exitCode === 0, text: Buffer.concat([stdout, stderr]).subarray(0, OUTPUT_MAX).toString() };
  } catch (error) {
    if (isCriError(error, 'DeadlineExceeded'))
      return { ok: false, text: `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s` };
    return erred(error);
  }
}

const erred = (error: unknown): CheckAnswer => ({
  ok: false,
  erred: 'unknown',
  text: error instanceof Error ? error.message : String(error),
});
