// Replays all recordings against a fresh cluster, prints what differs, and writes the counts: `node scripts/golden.ts [AREA...] [--write]`.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Area, areas, type Outcome, recordings, replayAll, startRecordedCluster, workersOf } from '../test/golden/replay.ts';

const root = join(import.meta.dirname, '..');
const chosen = areas.filter((area) => process.argv.includes(area));
const agreedFile = join(root, 'test/golden/agreed.json');
const agreed = JSON.parse(readFileSync(agreedFile, 'utf8')) as Record<Area, string[]>;
const results = new Map<Area, Outcome[]>();

await using cluster = await startRecordedCluster();
for (const area of chosen.length > 0 ? chosen : areas) {
  const outcomes = await replayAll(cluster.kubeconfig, area, recordings(area), workersOf(area));
  results.set(area, outcomes);
  for (const outcome of outcomes.filter((o) => o.failed > 0))
    console.log(`--- ${area}/${outcome.file}: ${outcome.passed} of ${outcome.passed + outcome.failed} steps agree\n${outcome.output}`);
  const files = outcomes.filter((o) => o.failed === 0);
  agreed[area] = files.map((o) => o.file);
  const slow = outcomes.filter((o) => o.seconds > 30).map((o) => `${o.file} ${o.seconds} s`);
  if (slow.length > 0) console.log(`${area}: slow files: ${slow.join(', ')}`);
  const steps = outcomes.reduce((sum, o) => sum + o.passed, 0);
  console.log(
    `${area}: ${steps} of ${steps + outcomes.reduce((sum, o) => sum + o.failed, 0)} steps agree, ${files.length} of ${outcomes.length} files whole`,
  );
}
if (process.argv.includes('--write')) {
  await writeFile(agreedFile, `${JSON.stringify(agreed, null, 2)}\n`);
  const sections = [...results].map(([area, outcomes]) => {
    const failing = outcomes.filter((o) => o.failed > 0);
    const lines = failing.map((o) => `| ${o.file.replace('.json', '')} | ${o.passed} | ${o.failed} |`);
    return `## ${area}\n\n${lines.length === 0 ? 'All files agree.' : ['| file that differs | steps that agree | that differ |', '|---|---|---|', ...lines].join('\n')}\n`;
  });
  const rows = [...results].map(([area, outcomes]) => {
    const sum = (key: 'passed' | 'failed') => outcomes.reduce((total, o) => total + o[key], 0);
    return `| ${area} | ${outcomes.length} | ${outcomes.filter((o) => o.failed === 0).length} | ${sum('passed') + sum('failed')} | ${sum('passed')} |`;
  });
  await writeFile(
    join(root, 'docs/conformance.md'),
    `# Conformance

Recordings of a real Kubernetes 1.36 (requests and its answers), replayed against a one-node cluster. Files that agree in every step
are tests (\`test/golden/agreed.json\`); the others are listed below and are work to do. Written by \`node scripts/golden.ts --write\`.
The container runtime has a referee of its own: docs/critest.md.

| area | files | files that agree | steps | steps that agree |
|---|---|---|---|---|
${rows.join('\n')}

## Why they differ

- OpenAPI: query parameters and Quantity have texts of our own (the package that the build takes the documentation from has none), and
  parameters of alpha features (shardSelector) are not there.
- The recorded fork lets everybody read /.well-known; its rules for that are not upstream's.
- Agents may read all nodes: they do kube-proxy's work too, so system:node-proxier is bound to system:nodes.
- Nodes get their range of pod addresses as soon as they are made; the recorded cluster gave none.
- CEL (rules of custom resources, admission policies, match conditions) is not evaluated yet.
- A recorded cluster without metrics.k8s.io or without node ranges: here pods are measured and nodes get their ranges.
- A status that upstream writes a second later than we do (terminating pods of a Job).
- An empty list in a field that Go leaves out when empty counts as absent from decoding on.
- Not built yet in the agent: node-pressure eviction, static pods, seccomp profiles.
- Hashes that upstream takes from Go's memory layout (pod-template-hash, ControllerRevision names) have other values of the same form.
- Pods live below the cluster's own cgroup here, so paths of cgroups do not begin with /kubepods; what the recording reads of cgroup v1 without a
  limit (9007199254740988Ki in status.resources) is not shown as one.
- A container that is killed a moment after its start may not have done what the recorded one did (pod-restart-all-containers).
- A recorded address or name of the recording cluster itself (its host paths, its pause process, its fork's own objects).

${sections.join('\n')}`,
  );
}
