// /metrics/probes: how often the containers' probes were made and how they ended. Series go with their pods.
import { type Labels, sampled } from '../../../kit/metrics/index.ts';
import { joined } from './text.ts';

type Result = 'successful' | 'failed' | 'unknown';
type Kind = 'startup' | 'liveness' | 'readiness';

interface Probed {
  podUid: string;
  labels: Labels;
  counts: Map<Result, number>;
}

export interface ProbedContainer {
  namespace: string;
  pod: string;
  podUid: string;
  container: string;
}

export class ProbeMetrics {
  readonly #probed = new Map<string, Probed>();

  /** `ok` undefined: the probe could not be made. */
  observe(of: ProbedContainer, kind: Kind, ok: boolean | undefined): void {
    const { namespace, pod, podUid, container } = of;
    const key = `${podUid}/${container}/${kind}`;
    let probed = this.#probed.get(key);
    if (!probed) {
      const probe_type = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
      const labels = { container, namespace, pod, pod_uid: podUid, probe_type };
      this.#probed.set(key, (probed = { podUid, labels, counts: new Map() }));
    }
    const result: Result = ok === undefined ? 'unknown' : ok ? 'successful' : 'failed';
    probed.counts.set(result, (probed.counts.get(result) ?? 0) + 1);
  }

  /** `alive`: uids of the pods that are there. */
  text(alive: ReadonlySet<string>): string {
    for (const [key, { podUid }] of this.#probed) if (!alive.has(podUid)) this.#probed.delete(key);
    const each = [...this.#probed.values()];
    return joined([
      sampled(
        'prober_probe_total',
        '[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.',
        'counter',
        function* () {
          for (const { labels, counts } of each) for (const [result, count] of counts) yield [{ ...labels, result }, count];
        },
      ),
    ]);
  }
}
