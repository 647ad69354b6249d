// Storage as users see it: the default class, data that outlives pods and agents, and nothing left behind.
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../rig/index.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});
/** Whatever became of a test: the next finds all parts running and nothing of it. */
afterEach(async () => {
  await cluster.restart();
  await cluster.kubectl(['delete', 'pod,pvc,pv', '--all', '--timeout=120s']);
});

const apply = (...objects: object[]) =>
  cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }) });
const read = (what: string, path: string) => cluster.kubectl(['get', ...what.split(' '), '-o', `jsonpath={${path}}`]);
const until = (what: string, condition: string) => cluster.kubectl(['wait', what, `--for=${condition}`, '--timeout=120s']);
const claim = (name: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});
const pod = (name: string, volumes: object[], command = 'sleep 3600', more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'c',
        image: 'wherry/tools:1',
        command: ['sh', '-c', command],
        volumeMounts: volumes.map((volume) => ({
          name: (volume as { name: string }).name,
          mountPath: `/${(volume as { name: string }).name}`,
        })),
      },
    ],
    volumes,
    ...more,
  },
});
const claimed = (name: string) => ({ name: 'data', persistentVolumeClaim: { claimName: name } });

const told = async (name: string, text: string) =>
  expect
    .poll(
      () => cluster.kubectl(['get', 'events', '--field-selector', `involvedObject.name=${name}`, '-o', 'jsonpath={.items[*].message}']),
      { timeout: 30_000 },
    )
    .toContain(text);
/** The agent's folder. */
const stateOf = async (node: string) => dirname(await read(`node ${node}`, ".metadata.annotations['wherry\\.io/local-path-folder']"));

test('a claim gets a folder of its pod’s node, which keeps its data, grows, and goes with the claim while the agent is away', async () => {
  await apply(claim('c'), pod('writer', [claimed('c')], 'echo kept > /data/file; sleep 3600'));
  await until('pod/writer', 'condition=Ready');
  const volume = await read('pvc c', '.spec.volumeName');
  const path = await read(`pv ${volume}`, '.spec.local.path');
  await cluster.kubectl(['delete', 'pod', 'writer']);
  await apply(pod('reader', [claimed('c')]));
  await until('pod/reader', 'condition=Ready');
  expect(await cluster.kubectl(['exec', 'reader', '--', 'cat', '/data/file'])).toBe('kept\n');

  await cluster.kubectl(['patch', 'pvc', 'c', '-p', '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}']);
  await until('pvc/c', 'jsonpath={.status.capacity.storage}=2Gi');

  await cluster.kubectl(['delete', 'pvc', 'c', '--wait=false']);
  expect(await read('pvc c', '.metadata.finalizers')).toContain('pvc-protection'); // its pod still runs
  const uid = await read('pod reader', '.metadata.uid');
  await cluster.kill('node-1'); // before the pod goes: an agent that lives removes the folder at once
  await cluster.kubectl(['delete', 'pod', 'reader', '--force', '--grace-period=0']);
  await until('pvc/c', 'delete');
  expect(await cluster.onNode('node-1', ['cat', `${path}/file`])).toBe('kept\n');
  await cluster.restart();
  await until(`pv/${volume}`, 'delete');
  expect(await cluster.onNode('node-1', ['ls', dirname(path)])).not.toContain(volume);
  const processes = () => cluster.onNode('node-1', ['sh', '-c', `grep -l ${uid} /proc/[0-9]*/cgroup 2>/dev/null || true`]);
  await expect.poll(processes, { timeout: 30_000 }).toBe('');
});

test('an ephemeral claim lives as long as its pod', async () => {
  const template = { metadata: { labels: { of: 'template' } }, spec: claim('').spec };
  await apply(pod('short', [{ name: 'scratch', ephemeral: { volumeClaimTemplate: template } }]));
  await until('pod/short', 'condition=Ready');
  expect(await read('pvc short-scratch', '.metadata.labels.of')).toBe('template');
  await cluster.kubectl(['delete', 'pod', 'short', '--wait=false']);
  await until('pvc/short-scratch', 'delete');
});

test('what cannot be is told in Kubernetes’ words', async () => {
  const local = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'nowhere' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'none',
      local: { path: '/nowhere' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'Exists' }] }] } },
    },
  };
  const bound = { ...claim('bound'), spec: { ...claim('').spec, storageClassName: 'none', volumeName: 'nowhere' } };
  await apply(
    local,
    bound,
    pod('no-folder', [claimed('bound')]),
    pod('no-type', [{ name: 'v', hostPath: { path: '/etc/passwd', type: 'Directory' } }]),
    pod('no-claim', [claimed('absent')], 'true', { nodeName: 'node-1' }),
    { ...claim('many'), spec: { ...claim('').spec, accessModes: ['ReadWriteMany'] } },
    pod('many', [claimed('many')]),
  );
  await told('no-folder', 'MountVolume.NewMounter initialization failed for volume "nowhere" : path "/nowhere" does not exist');
  await told('no-type', 'MountVolume.SetUp failed for volume "v" : hostPath type check failed: /etc/passwd is not a directory');
  await told('no-claim', 'error processing PVC default/absent: failed to fetch PVC from API server: persistentvolumeclaims "absent"');
  await told('many', 'failed to provision volume with StorageClass "standard": wherry.io/local-path only supports');
});

test('a claim for one pod is refused to a second by the scheduler, and by the node to one that came past it', async () => {
  await apply({ ...claim('alone'), spec: { ...claim('').spec, accessModes: ['ReadWriteOncePod'] } }, pod('first', [claimed('alone')]));
  await until('pod/first', 'condition=Ready');
  await apply(pod('second', [claimed('alone')]), pod('third', [claimed('alone')], 'true', { nodeName: 'node-1' }));
  const inUse = 'already in';
  await told('second', `PersistentVolumeClaim with ReadWriteOncePod access mode ${inUse}-use by another pod`);
  await told('third', `volume uses the ReadWriteOncePod access mode and is ${inUse} use by another pod`);
  await cluster.kubectl(['delete', 'pod', 'third', 'first']);
  await until('pod/second', 'condition=Ready');
});

test('a volume is attached before its node may mount it, detached when the node has let it go, and only as many come as the node can have', async () => {
  const driven = (name: string) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'none',
      csi: { driver: 'd.example', volumeHandle: name },
    },
  });
  const bound = (name: string) => ({ ...claim(name), spec: { ...claim('').spec, storageClassName: 'none', volumeName: name } });
  const limit = (drivers: object[]) =>
    cluster.kubectl(['patch', 'csinode', 'node-1', '--type=merge', '-p', JSON.stringify({ spec: { drivers } })]);
  const attachment = () => cluster.kubectl(['get', 'volumeattachment', '-o', 'name']);
  const seen = (list: string) => read('node node-1', `.status.${list}`);
  const eventually = (what: () => Promise<string>) => expect.poll(what, { timeout: 30_000 });
  await eventually(() => cluster.kubectl(['get', 'csinode', '-o', 'name'])).toContain('node-1');
  await limit([{ name: 'd.example', nodeID: 'n', allocatable: { count: 1 } }]);
  try {
    await apply(driven('one'), bound('one'), pod('user', [claimed('one')]));
    await eventually(attachment).toContain('csi-');
    await eventually(() => seen('volumesInUse')).toBe('["kubernetes.io/csi/d.example^one"]');
    const patch = ['--subresource=status', '--type=merge', '-p', '{"status":{"attached":true}}'];
    await cluster.kubectl(['patch', (await attachment()).trim(), ...patch]); // as the driver's attacher does
    await eventually(() => seen('volumesAttached')).toContain('kubernetes.io/csi/d.example^one');
    await told('user', 'AttachVolume.Attach succeeded for volume "one"');
    await told(
      'user',
      'attacher.MountDevice failed to create newCsiDriverClient: driver name d.example not found in the list of registered CSI drivers',
    );
    await apply(driven('two'), bound('two'), pod('more', [claimed('two')]));
    await told('more', '0/1 nodes are available: 1 node(s) exceed max volume count.');
    await cluster.kubectl(['delete', 'pod', 'user', 'more']);
    await eventually(attachment).toBe('');
    expect(await seen('volumesAttached')).toBe('');
    await eventually(() => seen('volumesInUse')).toBe('');
  } finally {
    await limit([]);
  }
});

test('a pod that runs goes on when what it shows vanishes, and is told', async () => {
  await apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shown' }, data: { k: 'v' } });
  await apply(pod('reader', [{ name: 'cm', configMap: { name: 'shown' } }]));
  await until('pod/reader', 'condition=Ready');
  await cluster.kubectl(['delete', 'configmap', 'shown']);
  await told('reader', 'MountVolume.SetUp failed for volume "cm" : configmap "shown" not found');
  expect(await cluster.kubectl(['exec', 'reader', '--', 'cat', '/cm/k'])).toBe('v');
  await apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shown' }, data: { k: 'w' } });
  await expect.poll(() => cluster.kubectl(['exec', 'reader', '--', 'cat', '/cm/k']), { timeout: 30_000 }).toBe('w');
  expect(await read('pod reader', '.status.containerStatuses[0].restartCount')).toBe('0');
});

test('mounts below a volume reach containers as their propagation says, and are read-only only where that is recursive', async () => {
  const path = `${await stateOf('node-1')}/propagation`;
  const sharing = (name: string, mount: object, securityContext = {}, below = '') => {
    const one = pod(name, [{ name: 'shared', hostPath: { path: `${path}${below}`, type: 'DirectoryOrCreate' } }]);
    const [container] = one.spec.containers;
    const volumeMounts = [{ name: 'shared', mountPath: '/shared', ...mount }];
    return { ...one, spec: { ...one.spec, containers: [{ ...container, securityContext, volumeMounts }] } };
  };
  const run = async (name: string, command: string) => (await cluster.tryKubectl(['exec', name, '--', 'sh', '-c', command])).stdout;
  const ready = (...names: string[]) => Promise.all(names.map((name) => until(`pod/${name}`, 'condition=Ready')));
  await apply(
    sharing('maker', { mountPropagation: 'Bidirectional' }, { privileged: true }),
    sharing('follower', { mountPropagation: 'HostToContainer' }),
    sharing('private', {}),
  );
  await ready('maker', 'follower', 'private');
  await run('maker', 'mkdir /shared/m && mount -t tmpfs t /shared/m && chmod 777 /shared/m && echo seen > /shared/m/file');
  expect(await cluster.onNode('node-1', ['cat', `${path}/m/file`])).toBe('seen\n');
  expect(await run('follower', 'cat /shared/m/file')).toBe('seen\n');
  expect(await run('private', 'ls /shared/m')).toBe('');

  await apply(sharing('plain', { readOnly: true }), sharing('deep', { readOnly: true, recursiveReadOnly: 'Enabled' }));
  await ready('plain', 'deep');
  const write = (name: string, file: string) => run(name, `touch ${file} 2>/dev/null && echo written || echo refused`);
  expect(await write('plain', '/shared/new')).toBe('refused\n');
  expect(await write('plain', '/shared/m/new')).toBe('written\n');
  expect(await write('deep', '/shared/m/other')).toBe('refused\n');
  expect(await read('pod deep', '.status.containerStatuses[0].volumeMounts[0].recursiveReadOnly')).toBe('Enabled');

  await cluster.onNode('node-1', ['sh', '-c', `mkdir ${path}/own && mount -t tmpfs t ${path}/own && mount --make-private ${path}/own`]);
  await apply(sharing('unable', { mountPropagation: 'Bidirectional' }, { privileged: true }, '/own'));
  await told('unable', `path "${path}/own" is mounted on "${path}/own" but it is not a shared mount`);
  await cluster.kubectl(['delete', 'pod', 'unable']);
  await cluster.onNode('node-1', ['umount', `${path}/own`]);

  await run('maker', 'umount /shared/m');
  expect(await run('follower', 'ls /shared/m')).toBe('');
  expect(await cluster.onNode('node-1', ['cat', '/proc/self/mountinfo'])).not.toContain(`${path}/m`);
});

test('an agent that is killed while volumes are made or taken down leaves no mount and no folder', async () => {
  await apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm' }, data: { k: 'v' } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'sec' }, stringData: { k: 'v' } },
    claim('kept'),
  );
  const volumes = [
    { name: 'disk', emptyDir: {} },
    { name: 'memory', emptyDir: { medium: 'Memory' } },
    { name: 'cm', configMap: { name: 'cm' } },
    { name: 'sec', secret: { secretName: 'sec' } },
    { name: 'fields', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
    { name: 'all', projected: { sources: [{ configMap: { name: 'cm' } }, { serviceAccountToken: { path: 'token' } }] } },
    { name: 'image', image: { reference: 'wherry/tools:1' } },
    { name: 'host', hostPath: { path: '/etc' } },
    claimed('kept'),
  ];
  const state = await stateOf('node-1');
  for (const pauseMs of [0, 60, 150, 300]) {
    await apply(pod('all-kinds', volumes));
    await new Promise((resolve) => setTimeout(resolve, pauseMs)); // where the kill hits is left to chance
    await cluster.kill('node-1');
    await cluster.restart();
    await until('pod/all-kinds', 'condition=Ready');
    expect(await cluster.kubectl(['exec', 'all-kinds', '--', 'cat', '/cm/k', '/sec/k', '/all/k', '/fields/name'])).toBe('vvvall-kinds');
    const size = await cluster.kubectl(['exec', 'all-kinds', '--', 'sh', '-c', "df -k /memory | awk 'NR == 2 { print $2 }'"]);
    expect(`${size.trim()}Ki`).toBe(await read('node node-1', '.status.allocatable.memory'));
    await cluster.kubectl(['delete', 'pod', 'all-kinds', '--wait=false']);
    await new Promise((resolve) => setTimeout(resolve, pauseMs / 3));
    await cluster.kill('node-1');
    await cluster.restart();
    await until('pod/all-kinds', 'delete');
    await expect.poll(() => cluster.onNode('node-1', ['ls', `${state}/pods`]), { timeout: 30_000 }).toBe('');
    expect(await cluster.onNode('node-1', ['cat', '/proc/self/mountinfo'])).not.toContain(`${state}/pods`);
  }
});
