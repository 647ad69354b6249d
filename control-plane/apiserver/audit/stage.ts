// The stages that tell the audit log: one around authentication for those who fail it, one after it for all others.
import { randomUUID } from 'node:crypto';
import { StatusError } from '../../../api/meta/index.ts';
import type { Clock } from '../../../kit/run/index.ts';
import { WatchBody } from '../bodies.ts';
import type { ApiRequest, ApiResponse, Stage } from '../request.ts';
import { eventLine, type Story } from './event.ts';
import type { AuditLogFile } from './log-file.ts';
import { type AuditStage, decide, type Policy } from './policy.ts';

export interface AuditParts {
  policy: Policy;
  file: Pick<AuditLogFile, 'add'>;
  clock: Clock;
  /** Counts events by level. */
  onEvent?(level: string): void;
}

/** Sub-resources whose connection lives on after its answer began. */
const LONG_RUNNING = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

export interface AuditStages {
  /** Around authentication. */
  unauthenticated: Stage;
  /** After authentication, before impersonation. */
  audit: Stage;
}

export function auditStages(parts: AuditParts): AuditStages {
  const { policy, clock } = parts;
  const tell = (story: Story, stage: AuditStage): Promise<void> | undefined => {
    if (story.decision.omitStages.includes(stage)) return undefined;
    parts.onEvent?.(story.decision.level);
    return parts.file.add(eventLine(story, stage, clock.nowMs()));
  };

  function begin(request: ApiRequest): Story | undefined {
    const decision = decide(policy, request.info, request.user);
    if (decision.level === 'None') return undefined;
    const auditId = auditIdOf(request);
    return { request, decision, auditId, receivedMs: clock.nowMs(), asker: request.user };
  }

  return {
    unauthenticated: {
      name: 'audit-unauthenticated',
      async handle(request, next) {
        try {
          return await next(request);
        } catch (error) {
          if (!request.user && error instanceof StatusError && error.code === 401) {
            const story = begin(request);
            if (story) await tell(Object.assign(story, { error }), 'ResponseStarted');
          }
          throw error;
        }
      },
    },
    audit: {
      name: 'audit',
      async handle(request, next) {
        const story = begin(request);
        if (story === undefined) return next(request);
        request.annotations = {};
        keepBody(story);
        await tell(story, 'RequestReceived');
        try {
          story.response = await next(request);
        } catch (error) {
          story.error = error;
          await tell(story, error instanceof StatusError ? 'ResponseComplete' : 'Panic');
          throw error;
        }
        return finish(story, tell);
      },
    },
  };
}

/** Told at once, or, when the answer goes on, at its end. */
async function finish(story: Story, tell: (story: Story, stage: AuditStage) => Promise<void> | undefined): Promise<ApiResponse> {
  const { request } = story;
  const response = story.response!;
  const complete = () => void tell(story, 'ResponseComplete');
  if (response.body instanceof WatchBody) {
    void tell(story, 'ResponseStarted'); // not waited for: what changes meanwhile is held in memory
    return { ...response, body: response.body.onEnd(complete) };
  }
  const { upgrade } = request;
  if (LONG_RUNNING.has(request.info.subresource) && (response.hijacked || response.body !== undefined)) {
    await tell(story, 'ResponseStarted');
    if (response.hijacked && upgrade && !upgrade.socket.destroyed) {
      upgrade.socket.once('close', complete);
      return response;
    }
  }
  await tell(story, 'ResponseComplete');
  return response;
}

function keepBody(story: Story): void {
  const { request, decision } = story;
  const wanted = decision.level !== 'Metadata' || request.info.verb === 'create';
  if (!wanted) return;
  const body = request.body;
  request.body = async () => {
    const got = await body.call(request);
    story.body = got instanceof Uint8Array ? got : JSON.stringify(got);
    return got;
  };
}

/** The client's own Audit-ID, or a new one. */
export function auditIdOf(request: Pick<ApiRequest, 'headers'>): string {
  const given = request.headers['audit-id'];
  return given ? given.slice(0, 64) : (request.headers['audit-id'] = randomUUID());
}
