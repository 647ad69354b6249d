// helm 3 and 4 with a chart that has hooks, a custom resource and a test.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunResult, tryRun } from '../../kit/exec/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';
import { goProgram } from './build.ts';
import { describeWith } from './program.ts';

const chart = join(import.meta.dirname, 'chart');

describeWith(['go'], 'helm', () => {
  let cluster: Cluster;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'helm-test-'));
    cluster = await startCluster();
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    if (folder) await rm(folder, { recursive: true });
  });

  describe.each([
    ['helm3', 'helm.sh/helm/v3/cmd/helm', '--atomic'],
    ['helm4', 'helm.sh/helm/v4/cmd/helm', '--rollback-on-failure'],
  ])('%s', (name, goPackage, rollBack) => {
    let program: string;
    const helm = (...args: string[]): Promise<RunResult> =>
      tryRun(program, args, {
        env: { KUBECONFIG: cluster.kubeconfig, HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder },
        timeoutMs: 120_000,
      });
    const works = async (...args: string[]): Promise<string> => {
      const { stdout, stderr, exitCode } = await helm(...args);
      expect(exitCode, stderr).toBe(0);
      return stdout;
    };
    const web = async (path: string) => await cluster.kubectl(['get', 'deployment', `${name}-web`, '-o', `jsonpath={${path}}`]);
    const image = () => web('.spec.template.spec.containers[0].image');
    const statuses = async () =>
      (JSON.parse(await works('history', name, '-o', 'json')) as { status: string }[]).map(({ status }) => status);

    beforeAll(async () => {
      program = await goProgram(name, goPackage);
    });

    test('install --wait: custom resource definition, hook, objects, in this order', async () => {
      expect(await works('install', name, chart, '--wait', '--timeout', '60s')).toMatch(/STATUS: deployed[\s\S]*serves wherry\/nginx:1/);
      expect(await web('.status.readyReplicas')).toBe('1');
      expect(await cluster.kubectl(['get', 'flavour', name, '-o', 'jsonpath={.spec.colour}'])).toBe('red');
      expect((await cluster.tryKubectl(['get', 'job', `${name}-pre-install`])).stderr).toMatch(/not found/);
      expect(await cluster.kubectl(['get', 'configmap', `${name}-after`, '-o', 'jsonpath={.data.revision}'])).toBe('1');
    });
    test('install again is refused', async () => {
      expect((await helm('install', name, chart)).stderr).toMatch(/cannot re-use a name that is still in use|cannot reuse a name/);
    });
    test('helm test runs the pod and shows its log', async () => {
      expect(await works('test', name, '--logs', '--timeout', '60s')).toMatch(/Phase: +Succeeded[\s\S]*wherry\/nginx:1/);
    });
    test('status, get, list', async () => {
      expect(await works('status', name)).toMatch(/STATUS: deployed\nREVISION: 1/);
      expect(await works('get', 'manifest', name)).toMatch(/kind: Deployment/);
      expect(await works('get', 'hooks', name)).toMatch(/helm.sh\/hook: pre-install/);
      expect(await works('list', '--short')).toBe(`${name}\n`);
    });
    test('--dry-run=server asks the server and changes nothing', async () => {
      expect(await works('upgrade', name, chart, '--set', 'replicas=3', '--dry-run=server')).toMatch(/replicas: 3/);
      expect(await web('.spec.replicas')).toBe('1');
      expect(await statuses()).toEqual(['deployed']);
    });
    test('upgrade --wait', async () => {
      await works('upgrade', name, chart, '--set', 'image=wherry/nginx:2', '--set', 'colour=blue', '--wait', '--timeout', '60s');
      expect(await image()).toBe('wherry/nginx:2');
      expect(await cluster.kubectl(['get', 'flavour', name, '-o', 'jsonpath={.spec.colour}'])).toBe('blue');
      expect(await works('get', 'values', name)).toMatch(/image: wherry\/nginx:2/);
    });
    test('a failing hook stops the upgrade', async () => {
      const { exitCode, stderr } = await helm('upgrade', name, chart, '--set', 'beforeUpgrade=exit 1', '--timeout', '30s');
      expect(exitCode, stderr).toBe(1);
      expect(stderr).toMatch(/UPGRADE FAILED: pre-upgrade hooks failed/);
      expect(await image()).toBe('wherry/nginx:2');
    });
    test('an upgrade that never gets ready is rolled back', async () => {
      const { exitCode, stderr } = await helm('upgrade', name, chart, '--set', 'image=wherry/none:0', rollBack, '--timeout', '5s');
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/has been rolled back due to/);
      expect(await image()).toBe('wherry/nginx:2');
      expect(await statuses()).toEqual(['superseded', 'superseded', 'failed', 'failed', 'deployed']);
    });
    test('rollback to the first revision', async () => {
      await works('rollback', name, '1', '--wait', '--timeout', '60s');
      expect(await image()).toBe('wherry/nginx:1');
    });
    test('uninstall --wait leaves the definition and what hooks made', async () => {
      expect(await works('uninstall', name, '--wait', '--timeout', '60s')).toMatch(/uninstalled/);
      expect(await cluster.kubectl(['get', 'deployments,services,flavours', '-o', 'name'])).toBe('service/kubernetes\n');
      expect(await cluster.kubectl(['get', 'crd', 'flavours.shop.wherry.test', '-o', 'name'])).toMatch(/flavours/);
      expect((await helm('status', name)).stderr).toMatch(/release: not found/);
    });
  });
});
