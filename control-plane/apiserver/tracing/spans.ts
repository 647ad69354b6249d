// Spans around parts of a request. Without a tracer each is its work and nothing else.
import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, TraceFlags, type Tracer, trace } from '@opentelemetry/api';
import type { ApiRequest, Stage } from '../request.ts';

const current = new AsyncLocalStorage<Context>();
/** Servers of one process share it; undefined: traces are off. */
let tracer: Tracer | undefined;

export function setTracer(next: Tracer | undefined): void {
  tracer = next;
}

/** Runs `work` in a span of this name, a child of the one that it is called in. */
export function inSpan<T>(name: string, work: () => Promise<T>): Promise<T> {
  const parent = tracer && current.getStore();
  return parent ? spanned(tracer!.startSpan(name, {}, parent), parent, work) : work();
}

/** The span of a whole request; its parent is the caller's, when the request names one. */
export function inRequestSpan<T extends { status: number }>(request: ApiRequest, work: () => Promise<T>): Promise<T> {
  if (!tracer) return work();
  const { info, method, path, headers } = request;
  const parent = callerOf(headers['traceparent']);
  const attributes = {
    'http.request.method': method,
    'url.path': path,
    'user_agent.original': headers['user-agent'] ?? '',
    ...(info.isResource
      ? { 'k8s.verb': info.verb, 'k8s.resource': info.resource, 'k8s.namespace': info.namespace, 'k8s.name': info.name }
      : {}),
    ...(headers['audit-id'] ? { 'audit-id': headers['audit-id'] } : {}),
  };
  const span = tracer.startSpan('KubernetesAPI', { kind: SpanKind.SERVER, attributes }, parent);
  return spanned(span, parent, async () => {
    const answer = await work();
    span.setAttribute('http.response.status_code', answer.status);
    if (answer.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    return answer;
  });
}

/** The stage in a span that ends where the next stage begins. */
export const spannedStage = (stage: Stage): Stage => ({
  name: stage.name,
  handle(request, next) {
    const parent = tracer && current.getStore();
    if (!parent) return stage.handle(request, next);
    const span = tracer!.startSpan(stage.name, {}, parent);
    return stage
      .handle(request, (passed) => {
        span.end();
        return current.run(parent, () => next(passed));
      })
      .finally(() => span.end()); // a second end is none
  },
});

/** For requests that are made on behalf of the present one (webhooks, other servers). */
export function traceHeaders(): Record<string, string> {
  const context = tracer && current.getStore();
  const span = context && trace.getSpanContext(context);
  return span ? { traceparent: `00-${span.traceId}-${span.spanId}-0${span.traceFlags & TraceFlags.SAMPLED}` } : {};
}

async function spanned<T>(span: Span, parent: Context, work: () => Promise<T>): Promise<T> {
  try {
    return await current.run(trace.setSpan(parent, span), work);
  } catch (error) {
    span.recordException(error as Error);
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

/** W3C trace context: version, trace, parent, flags. */
function callerOf(header: string | undefined): Context {
  const parts = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(header ?? '');
  if (!parts || /^0+$/.test(parts[1]!) || /^0+$/.test(parts[2]!)) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: parts[1]!,
    spanId: parts[2]!,
    traceFlags: Number.parseInt(parts[3]!, 16) & TraceFlags.SAMPLED,
    isRemote: true,
  });
}
