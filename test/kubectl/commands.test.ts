// The list of kubectl's commands, with each kubectl of this machine (1.29 to 1.33 where they lie beside the first in PATH).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../rig/index.ts';
import { cases } from './cases.ts';
import { kubectls } from './programs.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

describe.each(kubectls())('$name', ({ name, program }) => {
  const namespace = name.replaceAll('.', '-');
  const own = <T extends string | RegExp>(text: T): T =>
    (typeof text === 'string'
      ? text.replaceAll('{ns}', namespace)
      : new RegExp(text.source.replaceAll('{ns}', namespace), text.flags)) as T;

  beforeAll(() => cluster.kubectl(['create', 'namespace', namespace]));

  test.each(cases)('$title', async ({ args, input, exitCode, out, err }) => {
    const command = ['-n', namespace, ...args.map(own)];
    const result = await cluster.tryKubectl(command, { program, ...(input === undefined ? {} : { input }) });
    expect(result.exitCode, result.stderr + result.stdout).toBe(exitCode ?? 0);
    if (typeof out === 'string') expect(result.stdout).toBe(own(out));
    else if (out) expect(result.stdout).toMatch(own(out));
    if (err) expect(result.stderr).toMatch(own(err));
  });
});
