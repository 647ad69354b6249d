// Why a container could not be started: what its status shows, and when it is tried again.

export class StartProblem extends Error {
  /** E.g. ErrImagePull, CreateContainerConfigError. */
  readonly reason: string;
  /** Milliseconds until the next try; a change of what was missing brings it forward. */
  readonly retryMs: number;
  constructor(reason: string, message: string, retryMs = 10_000, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StartProblem';
    this.reason = reason;
    this.retryMs = retryMs;
  }
}
