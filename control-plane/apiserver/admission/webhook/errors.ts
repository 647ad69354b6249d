// Refusals and failures of webhooks in upstream's words.
import { internalError, type StatusDetails, StatusError } from '../../../../api/meta/index.ts';
import type { Verdict } from './review.ts';

/** The webhook gave no verdict: refused or let pass, as its failurePolicy says. */
export class HookFailure extends Error {
  readonly canceled: boolean;
  constructor(hook: string, why: string, canceled = false) {
    super(`failed calling webhook ${JSON.stringify(hook)}: ${why}`);
    this.canceled = canceled;
  }

  toStatusError(): StatusError {
    return internalError(this.message);
  }
}

/** The webhook said no. What it says of code and reason is the client's answer, but never less than 400. */
export function denied(hook: string, status: Verdict['status']): StatusError {
  const by = `admission webhook ${JSON.stringify(hook)} denied the request`;
  const { code = 0, reason = '', message, details } = status ?? {};
  const text = message || reason;
  return new StatusError(Math.max(code, 400), reason, text ? `${by}: ${text}` : `${by} without explanation`, details as StatusDetails);
}
