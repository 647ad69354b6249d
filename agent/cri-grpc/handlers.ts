// How a call of a service is answered: one async function a call, or a generator for the calls that stream.
import type { handleServerStreamingCall, handleUnaryCall, UntypedHandleCall } from '@grpc/grpc-js';
import { drained } from '../../kit/run/index.ts';
import { asServiceError } from './errors.ts';

/** `signal` aborts when the client has gone away. */
export type Unary = (request: any, signal: AbortSignal) => Promise<object>;
export type Streaming = (request: any, signal: AbortSignal) => AsyncIterable<object>;

export function unary(answer: Unary): UntypedHandleCall {
  const handle: handleUnaryCall<object, object> = (call, callback) => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    answer(call.request, gone.signal).then(
      (response) => callback(null, response),
      (error: unknown) => callback(asServiceError(error)),
    );
  };
  return handle;
}

export function streaming(answer: Streaming): UntypedHandleCall {
  const handle: handleServerStreamingCall<object, object> = async (call) => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    call.on('error', () => gone.abort());
    try {
      for await (const message of answer(call.request, gone.signal)) {
        if (gone.signal.aborted) return;
        if (!call.write(message)) await drained(call, gone.signal);
      }
      call.end();
    } catch (error) {
      if (!gone.signal.aborted) call.emit('error', asServiceError(error));
    }
  };
  return handle;
}

/** Long lists in pieces: a message of gRPC is limited. */
export function* pieces<T>(items: readonly T[], size = 100): Generator<T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size);
}
