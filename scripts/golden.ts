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

- Names of ReplicaSets and ControllerRevisions end in a hash over a dump of Go's own structures; ours has the same form and another value.
- OpenAPI: query parameters and Quantity have texts of our own (the package that the build takes the documentation from has none), and
  parameters of alpha features (shardSelector) are not there.
- The recorded fork lets everybody read /.well-known; its rules for that are not upstream's.
- Agents may read all nodes: they do kube-proxy's work too, so system:node-proxier is bound to system:nodes.
- The recorded cluster had no metrics.k8s.io, gave nodes no range of pod addresses, had another name for its admin, and its own objects.
- A status that upstream writes a second later than we do (terminating pods of a Job), a pod that the garbage collector ends earlier
  (pod-table-status), a pod that starts with one status and event less, and shows its address earlier (pod-create-watch).
- A Scale leaves out 0 replicas, so upstream's first two patches of one that change nothing still rewrite managedFields; here they change
  nothing at once (patch-types).
- An expression's syntax errors end at the first one; upstream's parser goes on and may tell several.
- Pods live below the cluster's own cgroup here, so paths of cgroups do not begin with /kubepods; what the recording reads of cgroup v1
  without a limit (9007199254740988Ki in status.resources) is not shown as one.
- A container that is killed a moment after its start may not have done what the recorded one did (pod-restart-all-containers).
- Recursive read-only mounts work here and did not there; images are pulled side by side (configz); nodes carry the folder of the default
  class's volumes as an annotation; a pod's network is made while its volumes still wait for their objects.
- The recorded containerd did not tell as whom a container runs: \`user\` in containers' statuses is no difference (test/golden/accepted.ts).
- There is no pause process to be seen from a pod with the host's processes; volumes' folders and images' users are our own.

${sections.join('\n')}`,
  );
}
