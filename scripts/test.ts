// Runs the test projects one after the other, says what each skipped and why, checks that nothing was left in the kernel, counts.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInteractive } from '../kit/exec/index.ts';
import { type KernelState, kernelState, leftOvers } from '../rig/index.ts';

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string; meta?: { why?: string } }[];
  }[];
}

const projects = process.argv.length > 2 ? process.argv.slice(2) : ['unit', 'slow', 'root', 'runtime', 'cluster', 'clients'];
const root = new URL('..', import.meta.url).pathname;
const totals = { passed: 0, failed: 0, skipped: 0 };

async function runProject(project: string, folder: string): Promise<void> {
  console.log(`wherry test: project ${project}`);
  const file = join(folder, `${project}.json`);
  const before: KernelState = kernelState();
  // crun hides the cgroup hierarchy that it refuses: in mounts of its own, where no other test misses it.
  const shell = project === 'runtime' ? (['unshare', '--mount', '--propagation', 'private'] as const) : (['env'] as const);
  const code = await runInteractive([
    ...shell,
    `${root}node_modules/.bin/vitest`,
    'run',
    '--root',
    root,
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ]);
  const report = JSON.parse(await readFile(file, 'utf8').catch(() => 'null')) as Report | null;
  if (!report) {
    console.log(`wherry test: project ${project} ended with exit code ${code} and no report`);
    totals.failed++;
    return;
  }
  totals.passed += report.numPassedTests;
  totals.failed += report.numFailedTests;
  totals.skipped += report.numPendingTests + report.numTodoTests;
  // A file that could not be loaded has no tests to fail: it counts as one failure.
  const broken = report.testResults.filter((r) => r.status === 'failed' && r.assertionResults.every((a) => a.status !== 'failed'));
  totals.failed += broken.length;
  if (code !== 0 && report.numFailedTests + broken.length === 0) totals.failed++;
  for (const result of report.testResults) {
    for (const test of result.assertionResults)
      if (test.status === 'pending' || test.status === 'skipped') console.log(`skipped: ${test.fullName}`);
  }
  const left = leftOvers(before, kernelState());
  for (const line of left) console.log(`left over after project ${project}: ${line}`);
  totals.failed += left.length;
}

const folder = await mkdtemp(join(tmpdir(), 'wherry-test-'));
try {
  for (const project of projects) await runProject(project, folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(`${totals.passed} passed, ${totals.failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}`);
process.exit(totals.failed > 0 ? 1 : 0);
