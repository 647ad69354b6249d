// TracingConfiguration (apiserver.config.k8s.io): where spans go and how many. Pure.
import { parse } from 'yaml';

export interface TracingConfig {
  /** OTLP over HTTP. */
  url: string;
  /** Of requests that no caller has decided about: so many of a million. */
  samplingRatePerMillion: number;
}

/** @throws Error that names the field */
export function parseTracing(text: string): TracingConfig {
  let document: Record<string, unknown> | null;
  try {
    document = parse(text) as Record<string, unknown> | null;
  } catch (error) {
    throw new Error(`it is no YAML: ${(error as Error).message}`);
  }
  if (!String(document?.['apiVersion']).startsWith('apiserver.config.k8s.io/v1') || document?.['kind'] !== 'TracingConfiguration')
    throw new Error('expected apiVersion: apiserver.config.k8s.io/v1 and kind: TracingConfiguration');
  const { endpoint = 'localhost:4318', samplingRatePerMillion = 0 } = document as { endpoint?: unknown; samplingRatePerMillion?: unknown };
  if (typeof samplingRatePerMillion !== 'number' || samplingRatePerMillion < 0 || samplingRatePerMillion > 1_000_000)
    throw new Error('samplingRatePerMillion: expected a number from 0 to 1000000');
  return { url: urlOf(endpoint), samplingRatePerMillion };
}

/** `host:port` or an address; the path is OTLP's own unless one is given. */
function urlOf(endpoint: unknown): string {
  const text = String(endpoint);
  const url = URL.parse(/^https?:\/\//.test(text) ? text : `http://${text}`);
  if (url === null || url.hostname === '')
    throw new Error(`endpoint: ${JSON.stringify(endpoint)} is no address; write e.g. localhost:4318`);
  if (url.pathname === '/') url.pathname = '/v1/traces';
  return url.href;
}
