// The ordered list of stages that every request passes, and how they are joined.
import { internalError, StatusError } from '../../api/meta/index.ts';
import type { Logger } from '../../kit/run/index.ts';
import type { AuditStages } from './audit/index.ts';
import type { Security } from './handlers.ts';
import type { ApiRequest, ApiResponse, Stage } from './request.ts';
import { spannedStage } from './tracing/index.ts';

export type Handle = (request: ApiRequest) => Promise<ApiResponse>;

/** Stages beside security's own; each may be absent. */
export interface OperationStages {
  audit?: AuditStages | undefined;
  fairness?: Stage | undefined;
}

/** The list is the documentation: who is it, write it down, as whom, when is it his turn, may he, then the work. */
export const stagesOf = (security: Security, { audit, fairness }: OperationStages = {}): readonly Stage[] =>
  [audit?.unauthenticated, security.authenticate, audit?.audit, security.impersonate, fairness, security.authorize]
    .filter((stage) => stage !== undefined)
    .map((stage) => (stage === audit?.unauthenticated ? stage : spannedStage(stage)));

/** One function out of the stages; `last` does the work. */
export function join(stages: readonly Stage[], last: Handle): Handle {
  return stages.reduceRight<Handle>((next, stage) => (request) => stage.handle(request, next), last);
}

/** What is thrown on the way, as a StatusError; anything unknown is logged and told as 500. */
export function asStatusError(error: unknown, request: ApiRequest, log: Logger): StatusError {
  if (error instanceof StatusError) return error;
  if (request.signal.aborted) return new StatusError(499, 'Timeout', 'the client went away');
  log.error({ err: error, method: request.method, path: request.path }, 'a request failed');
  return internalError(error instanceof Error ? error.message : String(error));
}
