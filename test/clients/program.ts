// Programs with other people's clients, built and run against a cluster of their own. Each prints TAP; each check becomes a test.
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tryRun } from '../../kit/exec/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';

export interface ClientProgram {
  /** The client's name. */
  name: string;
  /** Programs of this machine that building it takes. */
  needs: readonly string[];
  /** The command, once it is built. */
  build(): Promise<readonly string[]>;
  /** What it must check. */
  checks: readonly string[];
}

const RUN_TIMEOUT_MS = 300_000;

const isInstalled = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(`${folder}/${program}`));

/** A describe that is skipped, and says so in its name, where a program is missing. */
export function describeWith(needs: readonly string[], name: string, tests: () => void): void {
  const missing = needs.filter((program) => !isInstalled(program));
  describe.skipIf(missing.length > 0)(missing.length > 0 ? `${name} (not installed here: ${missing.join(', ')})` : name, tests);
}

/** `ok 1 - name` and `not ok 2 - name # why` as name -> undefined or why. */
export function parseTap(text: string): Map<string, string | undefined> {
  const lines = text.matchAll(/^(not ok|ok) \d+ - (.*?)(?: # (.*))?$/gm);
  return new Map([...lines].map(([, verdict, name, why]) => [name!, verdict === 'ok' ? undefined : (why ?? 'failed')]));
}

export function testClient({ name, needs, build, checks }: ClientProgram): void {
  describeWith(needs, name, () => {
    let cluster: Cluster;
    let results = new Map<string, string | undefined>();
    let rest = '';

    beforeAll(async () => {
      const [file, ...args] = await build();
      cluster = await startCluster();
      const { stdout, stderr, exitCode } = await tryRun(file!, args, {
        env: { KUBECONFIG: cluster.kubeconfig },
        timeoutMs: RUN_TIMEOUT_MS,
      });
      results = parseTap(stdout);
      rest = `exit code ${exitCode}; ${stderr.slice(-2000)}`;
    });
    afterAll(() => cluster?.[Symbol.asyncDispose]());

    test.each(checks)('%s', (check) => {
      expect(results.has(check), `no line for it: ${rest}`).toBe(true);
      expect(results.get(check), rest).toBeUndefined();
    });
    test('all its checks are listed here', () => expect([...results.keys()]).toEqual(checks));
  });
}
