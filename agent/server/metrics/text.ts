// Families joined to an answer, and the answer that is the same for every component: its health as a metric.
import { type Family, sampled } from '../../../kit/metrics/index.ts';

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores';

export const joined = (families: readonly Family[]): string => families.map((family) => family.text()).join('');

/** /metrics/slis: the checks of /healthz. Each scrape is one more of them that went well. */
export function sliMetrics(): () => string {
  let scrapes = 0;
  const checks = ['log', 'ping', 'syncloop'];
  return () => {
    scrapes++;
    return joined([
      sampled('kubernetes_healthcheck', '[STABLE] This metric records the result of a single healthcheck.', 'gauge', () =>
        checks.map((name) => [{ name, type: 'healthz' }, 1] as const),
      ),
      sampled('kubernetes_healthchecks_total', '[STABLE] This metric records the results of all healthcheck.', 'counter', () =>
        checks.map((name) => [{ name, status: 'success', type: 'healthz' }, scrapes] as const),
      ),
    ]);
  };
}
