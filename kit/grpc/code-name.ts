// The codes of gRPC as Go's programs write them: kubelet's messages have them.

const NAMES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
] as const;

/** `DeadlineExceeded` for 4. */
export const codeName = (code: number): string => NAMES[code] ?? `Code(${code})`;
