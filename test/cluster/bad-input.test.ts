// Bad input gets Kubernetes' own words and loses nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';

const pod = (name: string, container: string) =>
  `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name} }\nspec:\n  containers: [${container}]\n`;

describe('bad input', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  const deployment = (change: string) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: bad }
spec:
  selector: { matchLabels: { a: b } }
  ${change}
  template:
    metadata: { labels: { a: b } }
    spec: { containers: [{ name: c, image: wherry/tools:1 }] }
`;

  test.each([
    ['unknown field', deployment('replica: 3'), /unknown field "spec.replica"/],
    ['wrong type', deployment('replicas: many'), /Invalid value: "string"|cannot unmarshal string|strict decoding error|expected integer/],
    [
      'bad quantity',
      pod('bad', '{ name: c, image: x, resources: { requests: { cpu: lots } } }'),
      /quantities must match the regular expression/,
    ],
    ['a name that cannot be', pod('Bad_Name', '{ name: c, image: x }'), /a lowercase RFC 1123 subdomain must consist of/],
    ['a missing image name', pod('bad', '{ name: c }'), /spec.containers\[0\].image: Required value/],
  ])('%s', async (_, manifest, message) => {
    const result = await cluster.tryKubectl(['apply', '-f', '-'], { input: manifest });
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(message);
  });

  test('an immutable field', async () => {
    await cluster.kubectl(['create', 'deployment', 'fixed', '--image=wherry/tools:1', '--replicas=0']);
    const result = await cluster.tryKubectl(['patch', 'deployment', 'fixed', '-p', '{"spec":{"selector":{"matchLabels":{"x":"y"}}}}']);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(/field is immutable/);
  });

  test('a stale resourceVersion', async () => {
    await cluster.kubectl(['create', 'configmap', 'stale']);
    const old = await cluster.kubectl(['get', 'configmap', 'stale', '-o', 'json']);
    await cluster.kubectl(['label', 'configmap', 'stale', 'a=b']);
    const result = await cluster.tryKubectl(['replace', '-f', '-'], { input: old });
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(/the object has been modified; please apply your changes to the latest version and try again/);
  });

  test('what is not there', async () => {
    const result = await cluster.tryKubectl(['get', 'pod', 'nobody']);
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stderr).toBe('Error from server (NotFound): pods "nobody" not found\n');
  });

  test.each([
    ['no-image', '{ name: c, image: nowhere.invalid/nothing:1 }', /ErrImagePull|ImagePullBackOff/],
    ['never-pull', '{ name: c, image: "wherry/absent:1", imagePullPolicy: Never }', /ErrImageNeverPull/],
    [
      'no-key',
      '{ name: c, image: "wherry/tools:1", env: [{ name: A, valueFrom: { configMapKeyRef: { name: absent, key: k } } }] }',
      /CreateContainerConfigError/,
    ],
    ['no-command', '{ name: c, image: "wherry/tools:1", command: [/no/such/program] }', /RunContainerError|StartError|CrashLoopBackOff/],
  ])('pod %s says why it does not run', async (name, container, reason) => {
    await cluster.kubectl(['apply', '-f', '-'], { input: pod(name, container) });
    await waitFor({ what: `${name} to say ${reason}`, timeoutMs: 120_000, everyMs: 100 }, async () => {
      const output = await cluster.kubectl([
        'get',
        'pod',
        name,
        '-o',
        'jsonpath={.status.containerStatuses[0].state}{.status.containerStatuses[0].lastState}',
      ]);
      if (!reason.test(output)) throw new Error(output);
      return true;
    });
    await cluster.kubectl(['delete', 'pod', name, '--grace-period=1']);
  });
});
