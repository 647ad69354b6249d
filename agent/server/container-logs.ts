// GET /containerLogs/{namespace}/{pod}/{container}
import type { ServerResponse } from 'node:http';
import { containerStatusOf } from '../../kit/pods/index.ts';
import { type Clock, drained } from '../../kit/run/index.ts';
import type { ContainerStatus, Cri } from '../cri/index.ts';
import { hasContainer, type PodSource, recordsOf } from './find-container.ts';
import { HttpError } from './http-error.ts';
import { readLines } from './log-file.ts';
import { LogWriter } from './log-lines.ts';
import { logOptions } from './log-options.ts';

export interface LogRequest {
  namespace: string;
  pod: string;
  container: string;
  query: URLSearchParams;
}

/** Streams the log. @throws HttpError before anything was written */
export async function containerLogs(cri: Cri, clock: Clock, pods: PodSource, request: LogRequest, response: ServerResponse): Promise<void> {
  const wish = logOptions(request.query, clock.nowMs());
  const record = await chosenRecord(cri, pods, request, wish.previous);
  const writer = new LogWriter(wish);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.writeHead(200, { 'content-type': 'text/plain' });
  const isLive = async () => (await cri.listContainers({ id: record.id }))[0]?.state === 'running';
  const { follow, tailLines } = wish;
  const options = { signal: gone.signal, ...(tailLines === undefined ? {} : { tailLines }), ...(follow ? { isLive } : {}) };
  if (follow) response.flushHeaders();
  try {
    for await (const line of readLines(record.logPath, options)) {
      const out = writer.write(line);
      if (out.length > 0 && !response.write(out)) await drained(response, gone.signal); // the file waits, not the container
      if (writer.isFull) break;
    }
    response.end();
  } catch (error) {
    // Upstream answers 200 with a sentence too: the headers are out by then.
    const text =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? `unable to retrieve container logs for wherry://${record.id}` : String(error);
    response.end(text);
  }
}

async function chosenRecord(
  cri: Cri,
  pods: PodSource,
  { namespace, pod: podName, container }: LogRequest,
  wantsPrevious: boolean,
): Promise<ContainerStatus> {
  if (!pods.get(namespace, podName)) throw new HttpError(404, `pod "${podName}" does not exist`);
  const { pod, records } = await recordsOf(cri, pods, namespace, podName, container);
  if (!hasContainer(pod, container)) throw new HttpError(404, `container "${container}" not found in pod "${podName}"`);
  const started = records.filter(({ state }) => state !== 'created');
  if (wantsPrevious) {
    const previous = records[0]?.state === 'running' || records[0]?.state === 'created' ? started[1] : (started[1] ?? undefined);
    const isWaiting = containerStatusOf(pod, container)?.state?.waiting !== undefined;
    const found = isWaiting && records[0]?.state === 'exited' ? records[0] : previous;
    if (!found) throw new HttpError(400, `previous terminated container "${container}" in pod "${podName}" not found`);
    return found;
  }
  if (started[0]) return started[0];
  const reason = containerStatusOf(pod, container)?.state?.waiting?.reason ?? 'ContainerCreating';
  const why = { ErrImagePull: "image can't be pulled", ImagePullBackOff: 'trying and failing to pull image' }[reason] ?? reason;
  throw new HttpError(400, `container "${container}" in pod "${podName}" is waiting to start: ${why}`);
}
