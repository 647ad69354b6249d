// From two of an agent's stats summaries to what its node and pods use.

/** Counters of one thing that runs, as `/stats/summary` tells them. */
export interface Counters {
  startTime?: string | null;
  cpu?: { usageCoreNanoSeconds?: number };
  memory?: { workingSetBytes?: number };
}

export interface Summary {
  node: Counters;
  pods: readonly { podRef: { name: string; namespace: string; uid: string }; containers: readonly (Counters & { name: string })[] }[];
}

export interface Sample {
  /** Milliseconds since the epoch. */
  atMs: number;
  summary: Summary;
}

/** As quantities. */
export interface Usage {
  cpu: string;
  memory: string;
}

export interface PodUsage {
  name: string;
  namespace: string;
  containers: { name: string; usage: Usage }[];
}

export interface NodeUsage {
  atMs: number;
  windowMs: number;
  node: Usage;
  pods: PodUsage[];
}

/** What started (again) since the base is measured from its start on. */
function usageOf(now: Counters, base: Counters | undefined, sample: Sample, baseMs: number): Usage {
  const total = now.cpu?.usageCoreNanoSeconds ?? 0;
  const before = base?.cpu?.usageCoreNanoSeconds ?? 0;
  const restarted = base === undefined || before > total;
  const fromMs = restarted ? Math.max(baseMs, Date.parse(now.startTime ?? '') || baseMs) : baseMs;
  const seconds = Math.max((sample.atMs - fromMs) / 1000, 1);
  const cpu = Math.round((restarted ? total : total - before) / seconds);
  return { cpu: `${cpu}n`, memory: `${Math.trunc((now.memory?.workingSetBytes ?? 0) / 1024)}Ki` };
}

/** Rates between two samples of one node; memory is that of the later one. */
export function usageBetween(base: Sample, sample: Sample): NodeUsage {
  const key = (pod: Summary['pods'][number], container: string) => `${pod.podRef.uid}/${container}`;
  const before = new Map(base.summary.pods.flatMap((pod) => pod.containers.map((c) => [key(pod, c.name), c] as const)));
  return {
    atMs: sample.atMs,
    windowMs: sample.atMs - base.atMs,
    node: usageOf(sample.summary.node, base.summary.node, sample, base.atMs),
    pods: sample.summary.pods.map((pod) => ({
      name: pod.podRef.name,
      namespace: pod.podRef.namespace,
      containers: pod.containers.map((c) => ({ name: c.name, usage: usageOf(c, before.get(key(pod, c.name)), sample, base.atMs) })),
    })),
  };
}
