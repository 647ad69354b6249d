// Checks a cluster as programs with the official JavaScript client use it, and prints one TAP line a check.
// KUBECONFIG names the cluster. Exit code 1 when a check failed.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import * as k8s from '@kubernetes/client-node';

const namespace = 'javascript-client';
const image = 'wherry/tools:1';
const script = `echo started; mkdir -p /www; echo served > /www/index.html; httpd -p 8080 -h /www
trap 'exit 0' TERM; while true; do echo tick; sleep 0.2; done`;
const DEADLINE_MS = 30_000;

const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);

async function until(what, condition) {
  for (const end = Date.now() + DEADLINE_MS; !(await condition()); await sleep(20))
    if (Date.now() > end) throw new Error(`timed out waiting for ${what}`);
}

const configMap = (name, data) => ({ metadata: { name, labels: { 'made-by': 'javascript' } }, data });
const inNamespace = (body) => ({ namespace, body });
const status = (code) => (error) => error.code === code;

/** Exec to its end: both outputs and the final status. */
async function exec(command, input) {
  const outputs = [new PassThrough(), new PassThrough()];
  const texts = ['', ''];
  for (const [at, output] of outputs.entries()) output.on('data', (chunk) => (texts[at] += chunk));
  const stdin = input === undefined ? null : new PassThrough();
  const ended = Promise.withResolvers();
  const socket = await new k8s.Exec(config).exec(namespace, 'main', 'main', command, ...outputs, stdin, false, ended.resolve);
  stdin?.end(input);
  const result = await ended.promise;
  socket.close();
  return { stdout: texts[0], stderr: texts[1], status: result };
}

// The order matters: the first makes what the others use, the last removes it.
const checks = {
  async 'create, get, replace, conflict'() {
    await core.createNamespace({ body: { metadata: { name: namespace } } });
    const made = await core.createNamespacedConfigMap(inNamespace(configMap('life', { n: '0' })));
    await core.replaceNamespacedConfigMap({ name: 'life', ...inNamespace({ ...made, data: { n: '1' } }) });
    await assert.rejects(core.replaceNamespacedConfigMap({ name: 'life', ...inNamespace(made) }), status(409));
    assert.deepEqual((await core.readNamespacedConfigMap({ name: 'life', namespace })).data, { n: '1' });
  },
  async 'errors have a code and a body'() {
    await assert.rejects(core.readNamespacedConfigMap({ name: 'missing', namespace }), (error) => {
      assert.equal(JSON.parse(error.body).message, 'configmaps "missing" not found');
      return error.code === 404;
    });
    await assert.rejects(core.createNamespacedConfigMap(inNamespace(configMap('Not A Name'))), status(422));
  },
  async 'json, merge and strategic merge patch'() {
    const patch = (type, body) =>
      core.patchNamespacedConfigMap({ name: 'life', ...inNamespace(body) }, k8s.setHeaderOptions('Content-Type', type));
    const json = await patch(k8s.PatchStrategy.JsonPatch, [{ op: 'add', path: '/data/json', value: 'yes' }]);
    assert.deepEqual(json.data, { n: '1', json: 'yes' });
    const merged = await patch(k8s.PatchStrategy.MergePatch, { data: { json: null, merge: 'yes' } });
    assert.deepEqual(merged.data, { n: '1', merge: 'yes' });
    const labels = { app: 'patched' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image }] } };
    await apps.createNamespacedDeployment(
      inNamespace({ metadata: { name: 'patched' }, spec: { replicas: 0, selector: { matchLabels: labels }, template } }),
    );
    const change = { spec: { template: { spec: { containers: [{ name: 'main', env: [{ name: 'A', value: 'b' }] }] } } } };
    const strategic = await apps.patchNamespacedDeployment(
      { name: 'patched', ...inNamespace(change) },
      k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.StrategicMergePatch),
    );
    const [container] = strategic.spec.template.spec.containers;
    assert.deepEqual([container.image, container.env[0].value], [image, 'b']);
  },
  async 'server-side apply, conflict and force'() {
    const apply = (owned, manager, force) =>
      objects.patch(
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied', namespace }, data: { owned } },
        undefined,
        undefined,
        manager,
        force,
        k8s.PatchStrategy.ServerSideApply,
      );
    await apply('one', 'first');
    await assert.rejects(apply('two', 'second'), status(409));
    assert.equal((await apply('two', 'second', true)).data.owned, 'two');
  },
  async 'an informer sees add, update and delete'() {
    const told = [];
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const informer = k8s.makeInformer(config, path, () => core.listNamespacedConfigMap({ namespace }));
    for (const verb of ['add', 'update', 'delete'])
      informer.on(verb, ({ metadata }) => metadata.name === 'informed' && told.push(verb));
    informer.on('error', (error) => told.push(String(error)));
    await informer.start();
    await core.createNamespacedConfigMap(inNamespace(configMap('informed', {})));
    await core.patchNamespacedConfigMap(
      { name: 'informed', ...inNamespace({ data: { a: 'b' } }) },
      k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch),
    );
    await until('the update', () => informer.get('informed', namespace)?.data?.a === 'b');
    await core.deleteNamespacedConfigMap({ name: 'informed', namespace });
    await until('the delete', () => told.includes('delete'));
    await informer.stop();
    assert.deepEqual(told, ['add', 'update', 'delete']);
  },
  async 'a pod runs and a watch tells'() {
    const spec = { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image, command: ['sh', '-c', script] }] };
    const ready = Promise.withResolvers();
    const request = await new k8s.Watch(config).watch(
      `/api/v1/namespaces/${namespace}/pods`,
      { fieldSelector: 'metadata.name=main' },
      (_, pod) => pod.status?.conditions?.some((item) => item.type === 'Ready' && item.status === 'True') && ready.resolve(),
      (error) => ready.reject(error ?? new Error('the watch ended')),
    );
    await core.createNamespacedPod(inNamespace({ metadata: { name: 'main' }, spec }));
    await ready.promise;
    request.abort();
  },
  async 'exec: outputs, input and exit code'() {
    const result = await exec(['sh', '-c', 'read line; echo got $line; echo problem >&2; exit 7'], 'given\n');
    assert.equal(result.stdout, 'got given\n');
    assert.equal(result.stderr, 'problem\n');
    assert.equal(result.status.details.causes[0].message, '7');
    assert.equal((await exec(['cat'], '')).status.status, 'Success', 'cat ends with its input');
  },
  async 'logs follow'() {
    const log = new PassThrough();
    let text = '';
    log.on('data', (chunk) => (text += chunk));
    await new k8s.Log(config).log(namespace, 'main', 'main', log, { follow: true });
    await until('three lines', () => text.startsWith('started\ntick\ntick\n'));
    assert.equal(await core.readNamespacedPodLog({ name: 'main', namespace, tailLines: 2 }), 'tick\ntick\n');
  },
  async 'port-forward'() {
    const [output, errors, input] = [new PassThrough(), new PassThrough(), new PassThrough()];
    let [answer, problems] = ['', ''];
    output.on('data', (chunk) => (answer += chunk));
    errors.on('data', (chunk) => (problems += chunk));
    const socket = await new k8s.PortForward(config).portForward(namespace, 'main', [8080], output, errors, input);
    input.write('GET / HTTP/1.0\r\nHost: main\r\n\r\n');
    await until('the page', () => answer.endsWith('served\n'));
    socket.close();
    assert.equal(problems, '');
  },
  async 'delete collection, pod and namespace'() {
    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'made-by=javascript' });
    const left = await core.listNamespacedConfigMap({ namespace, labelSelector: 'made-by=javascript' });
    assert.equal(left.items.length, 0);
    await core.deleteNamespacedPod({ name: 'main', namespace, gracePeriodSeconds: 0 });
    await core.deleteNamespace({ name: namespace });
    await until('the namespace to go', async () => (await core.listNamespace()).items.every((n) => n.metadata.name !== namespace));
  },
};

let [number, failed] = [0, 0];
for (const [name, check] of Object.entries(checks)) {
  number++;
  const deadline = sleep(2 * DEADLINE_MS, undefined, { ref: false }).then(() => Promise.reject(new Error('timed out')));
  try {
    await Promise.race([check(), deadline]);
    console.log(`ok ${number} - ${name}`);
  } catch (error) {
    failed++;
    console.log(`not ok ${number} - ${name} # ${`${error.message}`.replaceAll(/\s+/g, ' ')}`);
  }
}
console.log(`1..${number}`);
process.exit(failed > 0 ? 1 : 0);
