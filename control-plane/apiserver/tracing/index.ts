// Entry of control-plane/apiserver/tracing: OpenTelemetry spans of requests, sent as OTLP/HTTP JSON. The SDK is loaded only when traces are on.
import { readFileSync } from 'node:fs';
import { parseTracing, type TracingConfig } from './config.ts';
import { setTracer } from './spans.ts';

export { inRequestSpan, inSpan, spannedStage, traceHeaders } from './spans.ts';

export interface Tracing {
  /** Sends what is left. */
  close(): Promise<void>;
}

/** @throws Error that names the file and the field */
export function readTracing(path: string): TracingConfig {
  try {
    return parseTracing(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`tracing configuration ${path}: ${(error as Error).message}`);
  }
}

export async function openTracing({ url, samplingRatePerMillion }: TracingConfig): Promise<Tracing> {
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'apiserver' }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(samplingRatePerMillion / 1e6) }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url, timeoutMillis: 5000 }) })],
  });
  setTracer(provider.getTracer('wherry/apiserver'));
  return {
    async close() {
      setTracer(undefined);
      await provider.shutdown().catch(() => {}); // a collector that is gone must not keep the server from stopping
    },
  };
}
