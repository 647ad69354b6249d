// Docker's refusals as the agent's errors.
import { CriError, type CriReason } from '../cri/index.ts';

/** docker-modem's errors carry the HTTP status and the daemon's sentence. */
interface DockerError extends Error {
  statusCode?: number;
  json?: { message?: string };
}

export const isNotFound = (error: unknown): boolean => (error as DockerError).statusCode === 404;
/** It is so already: started, stopped, being removed. */
const isDone = (error: unknown): boolean => [304, 404, 409].includes((error as DockerError).statusCode ?? 0);

export function asCriError(error: unknown, reason: CriReason = 'Unknown'): CriError {
  if (error instanceof CriError) return error;
  const { json, message } = error as DockerError;
  return new CriError(reason === 'Unknown' && isNotFound(error) ? 'NotFound' : reason, json?.message ?? message, error);
}

/** Runs a call of Docker's API. @throws CriError */
export async function asked<T>(call: Promise<T>, reason?: CriReason): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw asCriError(error, reason);
  }
}

/** The same, where there being nothing to do is success. */
export async function ensured(call: Promise<unknown>, reason?: CriReason): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isDone(error)) throw asCriError(error, reason);
  }
}
