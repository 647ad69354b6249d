// Runs Kubernetes' end-to-end suite against a cluster made for it: up, images, the suite, what it said, down.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from '../rig/index.ts';
import { render, type SuiteReport, summarize } from './e2e.d/summary.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Archives of the images that the suite asks for, under their public names. */
    images: { type: 'string' },
    labels: { type: 'string', default: 'Conformance && !Serial && !Slow' },
    skip: { type: 'string' },
    out: { type: 'string', default: join(import.meta.dirname, '../dist/e2e') },
    kubectl: { type: 'string', default: 'kubectl' },
    timeout: { type: 'string', default: '6h' },
  },
});
const [program = '', focus] = positionals;
const out = resolve(values.out);
const [log, report] = [join(out, 'e2e.log'), join(out, 'e2e.json')];
const NODES = 2;

const archives = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.tar'))
    .map((name) => resolve(folder, name));

/**
 * The suite's exit code. It ends by itself on a first signal and cleans up, at once on a third: it is in a group of its own, where a
 * terminal's Ctrl-C comes from here alone. The cluster goes after it.
 */
async function runSuite(kubeconfig: string): Promise<number> {
  const options = [
    ...['--kubeconfig', kubeconfig, '--provider', 'skeleton', '--num-nodes', String(NODES), '--kubectl-path', values.kubectl],
    ...['--ginkgo.label-filter', values.labels, '--ginkgo.timeout', values.timeout, '--ginkgo.json-report', report, '--ginkgo.no-color'],
    ...(focus === undefined ? [] : ['--ginkgo.focus', focus]),
    ...(values.skip === undefined ? [] : ['--ginkgo.skip', values.skip]),
    // a failed title's namespace goes like any other, and the log of the run says enough
    ...['--delete-namespace-on-failure=true', '--dump-logs-on-failure=false', '--disable-log-dump', '--allowed-not-ready-nodes=0'],
  ];
  const suite = spawn(resolve(program), options, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const file = createWriteStream(log);
  suite.stdout.pipe(file);
  suite.stderr.pipe(file, { end: false });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => suite.kill('SIGINT'));
  return new Promise((done, fail) => suite.on('error', fail).on('close', (code) => done(code ?? 1)));
}

mkdirSync(out, { recursive: true });
const image = values.images === undefined ? [] : archives(values.images);
await using cluster = await startCluster({ name: `e2e-${process.pid}`, nodes: NODES, image });
console.log(`cluster ${cluster.name} is ready; what the suite says goes to ${log}`);
process.exitCode = await runSuite(cluster.kubeconfig);
if (existsSync(report)) console.log(render(summarize(JSON.parse(readFileSync(report, 'utf8')) as SuiteReport[])));
