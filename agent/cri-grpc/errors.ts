// CRI's errors as gRPC statuses, in the codes that kubelet and crictl branch on.
import { type ServiceError, status } from '@grpc/grpc-js';
import { CriError, type CriReason } from '../cri/index.ts';

const CODES: Partial<Record<CriReason, status>> = {
  NotFound: status.NOT_FOUND,
  ImageNotFound: status.NOT_FOUND,
  DeadlineExceeded: status.DEADLINE_EXCEEDED,
  InvalidImageName: status.INVALID_ARGUMENT,
  InvalidArgument: status.INVALID_ARGUMENT,
  FailedPrecondition: status.FAILED_PRECONDITION,
  RegistryUnavailable: status.UNAVAILABLE,
};

export class RpcError extends Error {
  readonly code: status;
  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

export function asServiceError(error: unknown): Partial<ServiceError> {
  const details = error instanceof Error ? error.message : String(error);
  if (error instanceof RpcError) return { code: error.code, details };
  return { code: (error instanceof CriError ? CODES[error.reason] : undefined) ?? status.UNKNOWN, details };
}
