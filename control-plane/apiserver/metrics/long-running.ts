// Requests that live on after they were answered: each is counted until it is over, whoever ends it.
import { type Encoded, isWatch } from '../encode.ts';
import type { ApiRequest } from '../request.ts';
import { CONNECT } from './requests.ts';

const goesOn = ({ body }: Encoded): boolean => typeof body === 'object' && Symbol.asyncIterator in body;

/** `begin` is called for a request that goes on, what it gives at its end. */
export function countLongRunning(request: ApiRequest, encoded: Encoded, begin: () => () => void): void {
  const { body } = encoded;
  if (isWatch(body)) body.watch = body.watch.onEnd(begin());
  else if (request.info?.isResource && CONNECT.has(request.info.subresource) && (encoded.hijacked || goesOn(encoded))) {
    const { upgrade } = request;
    if (!upgrade) request.onSent?.push(begin());
    else if (!upgrade.socket.destroyed) upgrade.socket.once('close', begin());
  }
}
