// What a driver and its users must see, in order: each check leaves nothing behind that the next would meet.
import { waitFor } from '../../kit/run/index.ts';
import { ATTACHED_MAX, DRIVER, definitionOf } from './programs.ts';
import {
  attributesClass,
  claim,
  driver,
  groupSnapshot,
  groupSnapshotClass,
  matches,
  of,
  pod,
  restored,
  same,
  snapshot,
  snapshotClass,
  WAIT_MS,
  type World,
} from './world.ts';

export interface Check {
  title: string;
  /** Programs and definitions without which it cannot be made. */
  needs?: readonly string[];
  run(w: World): Promise<void>;
}

const PROVISIONING = ['csi-provisioner', 'csi-attacher'] as const;
const SNAPSHOTS = [...PROVISIONING, 'snapshot-controller', 'csi-snapshotter', definitionOf('volumesnapshots')] as const;
const TOKENS = 'csi.storage.k8s.io/serviceAccount.tokens';
/** In the driver's log: one a call. */
const CALLED = 'gRPCCall: {"Method":"/csi.v1.Node/NodePublishVolume"';

/** A volume written into the pod does not say where its driver is. */
const near = ({ node }: World) => ({ nodeSelector: { 'topology.hostpath.csi/node': node } });

export const checks: readonly Check[] = [
  {
    title: 'the registrar registers the driver: CSINode, topology labels of the node',
    async run(w) {
      await w.until(`csinode/${w.node}`, '.spec.drivers[*].name', DRIVER);
      same(await w.read(`csinode/${w.node}`, '.spec.drivers[0].topologyKeys'), '["topology.hostpath.csi/node"]', 'topology keys');
      same(await w.read(`node/${w.node}`, '.metadata.labels.topology\\.hostpath\\.csi/node'), w.node, 'label of the node');
    },
  },
  {
    title: 'csi-sanity: the driver keeps to the specification, so what fails below is not its doing',
    needs: ['csi-sanity'],
    async run(w) {
      await w.programs.sanity();
      await isEmpty(w);
    },
  },
  {
    title: 'inline volume: made for the pod, with its name, given to its group, gone with it',
    async run(w) {
      const more = { ...near(w), securityContext: { fsGroup: 1234 } };
      await w.apply(pod('inline', { csi: { driver: DRIVER } }, 'echo x > /data/f; sleep 3600', more));
      await w.ready('inline');
      same(await w.exec('inline', 'stat -c %g /data /data/f | tr "\\n" " "'), '1234 1234 ', 'group');
      matches(w.programs.log('hostpathplugin'), /"csi\.storage\.k8s\.io\/pod\.name":"inline"/, 'podInfoOnMount');
      await w.delete('pod', 'inline');
      await isEmpty(w);
    },
  },
  {
    title: 'claim of an immediate class: provisioned, attached, written; the next pod reads it; detached in between',
    needs: PROVISIONING,
    async run(w) {
      await w.apply(claim('now', 'csi-now'));
      await w.until('pvc/now', '.status.phase', 'Bound');
      await w.apply(pod('writer', of('now'), 'echo kept > /data/f; sleep 3600'));
      await w.ready('writer');
      same(await w.read('volumeattachments', '.items[*].status.attached'), 'true', 'attachments');
      await w.delete('pod', 'writer');
      await w.until('volumeattachments', '.items', '[]');
      await w.apply(pod('reader', of('now')));
      await w.ready('reader');
      same(await w.exec('reader', 'cat /data/f'), 'kept\n', 'what the first pod wrote');
      await w.delete('pod', 'reader');
      await removed(w, 'now');
    },
  },
  {
    title: 'claim that waits for its pod: made where the pod goes, and the pod goes where the driver is',
    needs: PROVISIONING,
    async run(w) {
      await w.apply(claim('wait', 'csi-wait'));
      await w.told('wait', /waiting for first consumer/);
      await w.apply(pod('consumer', of('wait')));
      await w.ready('consumer');
      same(await w.read('pod/consumer', '.spec.nodeName'), w.node, 'node');
      same(await w.read('pvc/wait', '.metadata.annotations.volume\\.kubernetes\\.io/selected-node'), w.node, 'selected node');
      await w.delete('pod', 'consumer');
      await removed(w, 'wait');
    },
  },
  {
    title: 'CSIStorageCapacity: a claim larger than what is left keeps its pod waiting',
    needs: PROVISIONING,
    async run(w) {
      await w.until('csistoragecapacities -A', '.items[*].storageClassName', /csi-slow/);
      await w.apply(claim('huge', 'csi-slow', {}, '2Gi'), pod('huge', of('huge')));
      await w.told('huge', /did not have enough free storage/);
      await w.delete('pod', 'huge');
      await removed(w, 'huge');
    },
  },
  {
    title: 'expansion while the pod runs: resizer, node, events, and the claim’s status without traces',
    needs: [...PROVISIONING, 'csi-resizer'],
    async run(w) {
      await w.apply(claim('grows', 'csi-now'), pod('grows', of('grows')));
      await w.ready('grows');
      await w.patch('pvc grows', { spec: { resources: { requests: { storage: '32Mi' } } } });
      await w.until('pvc/grows', '.status.capacity.storage', '32Mi');
      same(await w.read('pvc/grows', '.status.conditions'), '', 'conditions');
      same(await w.read('pvc/grows', '.status.allocatedResourceStatuses'), '', 'steps');
      await w.told('grows', /MountVolume\.NodeExpandVolume succeeded for volume "pvc-.*" /);
      await w.delete('pod', 'grows');
      await removed(w, 'grows');
    },
  },
  {
    title: 'expansion while the agent is away: the node’s part is done when it is back, and the pod runs on',
    needs: [...PROVISIONING, 'csi-resizer'],
    async run(w) {
      await w.apply(claim('missed', 'csi-now'), pod('missed', of('missed')));
      await w.ready('missed');
      await w.cluster.kill(w.node);
      await w.patch('pvc missed', { spec: { resources: { requests: { storage: '32Mi' } } } });
      await w.until('pvc/missed', '.status.allocatedResourceStatuses.storage', 'NodeResizePending');
      await w.cluster.restart();
      await w.until('pvc/missed', '.status.capacity.storage', '32Mi');
      same(await w.read('pvc/missed', '.status.conditions'), '', 'conditions');
      same(await w.read('pod/missed', '.status.containerStatuses[0].restartCount'), '0', 'restarts');
      await w.delete('pod', 'missed');
      await removed(w, 'missed');
    },
  },
  {
    title: 'expansion while no pod has the volume: the file system waits for the next pod, and has its size when it starts',
    needs: [...PROVISIONING, 'csi-resizer'],
    async run(w) {
      await w.apply(claim('rests', 'csi-now'));
      await w.until('pvc/rests', '.status.phase', 'Bound');
      await w.patch('pvc rests', { spec: { resources: { requests: { storage: '32Mi' } } } });
      await w.until('pvc/rests', '.status.conditions[*].type', /\bFileSystemResizePending\b/);
      await w.until('pvc/rests', '.status.allocatedResourceStatuses.storage', 'NodeResizePending');
      same(await w.read('pvc/rests', '.status.capacity.storage'), '16Mi', 'capacity before a pod has it');
      await w.apply(pod('rests', of('rests')));
      await w.ready('rests');
      same(await w.read('pvc/rests', '.status.capacity.storage'), '32Mi', 'capacity once a pod has it');
      same(await w.read('pvc/rests', '.status.conditions'), '', 'conditions');
      same(await w.read('pvc/rests', '.status.allocatedResourceStatuses'), '', 'steps');
      await w.delete('pod', 'rests');
      await removed(w, 'rests');
    },
  },
  {
    title: 'VolumeAttributesClass: modified through the resizer, protected while in use',
    needs: [...PROVISIONING, 'csi-resizer'],
    async run(w) {
      await w.apply(attributesClass('silver', { iops: '1' }), attributesClass('gold', { iops: '2' }));
      await w.apply(claim('modified', 'csi-now', { volumeAttributesClassName: 'silver' }));
      await w.until('pvc/modified', '.status.currentVolumeAttributesClassName', 'silver');
      await w.patch('pvc modified', { spec: { volumeAttributesClassName: 'gold' } });
      await w.until('pvc/modified', '.status.currentVolumeAttributesClassName', 'gold');
      const volume = await w.read('pvc/modified', '.spec.volumeName');
      same(await w.read(`pv/${volume}`, '.spec.volumeAttributesClassName'), 'gold', 'class of the volume');
      await w.cluster.kubectl(['delete', 'vac', 'gold', '--wait=false']);
      matches(await w.read('vac/gold', '.metadata.finalizers'), /vac-protection/, 'finalizers');
      await removed(w, 'modified');
      await w.cluster.kubectl(['wait', 'vac/gold', '--for=delete', '--timeout=60s']);
      await w.delete('vac', 'silver');
    },
  },
  {
    title: 'snapshot: its rules are kept, a claim restored from it has what was there, and nothing is left at the driver',
    needs: SNAPSHOTS,
    async run(w) {
      await w.apply(snapshotClass, claim('source', 'csi-now'), pod('source', of('source'), 'echo then > /data/f; sync; sleep 3600'));
      await w.ready('source');
      await w.refused(/exactly one of volumeSnapshotContentName and persistentVolumeClaimName must be set/, snapshot('none', {}));
      await w.apply(snapshot('snap', { persistentVolumeClaimName: 'source' }));
      await w.until('volumesnapshot/snap', '.status.readyToUse', 'true');
      same(await w.read('volumesnapshot/snap', '.status.restoreSize'), '16Mi', 'size');
      await w.refused(/persistentVolumeClaimName is immutable/, snapshot('snap', { persistentVolumeClaimName: 'other' }));
      const content = await w.read('volumesnapshot/snap', '.status.boundVolumeSnapshotContentName');
      same(await w.read(`volumesnapshotcontent/${content}`, '.spec.volumeSnapshotRef.name'), 'snap', 'snapshot of the content');
      await w.exec('source', 'echo now > /data/f');
      await w.apply(restored('restored', 'snap'), pod('restored', of('restored')));
      await w.ready('restored');
      same(await w.read('pvc/restored', '.spec.dataSourceRef.name'), 'snap', 'dataSourceRef');
      same(await w.exec('restored', 'cat /data/f'), 'then\n', 'restored');
      await w.delete('pod', 'source', 'restored');
      await w.delete('volumesnapshot', 'snap');
      await w.until('volumesnapshotcontents', '.items', '[]');
      await removed(w, 'source', 'restored');
    },
  },
  {
    title: 'snapshot of a group: one for each claim that the selector has, each restored by itself, gone with the group',
    needs: [...SNAPSHOTS, definitionOf('volumegroupsnapshots')],
    async run(w) {
      const names = ['left', 'right'];
      for (const name of names) await w.apply(claim(name, 'csi-now'), pod(name, of(name), `echo ${name} > /data/f; sync; sleep 3600`));
      for (const name of names) await w.ready(name);
      await w.cluster.kubectl(['label', 'pvc', ...names, 'group=both']);
      await w.apply(groupSnapshotClass, groupSnapshot('group', { selector: { matchLabels: { group: 'both' } } }));
      await w.until('volumegroupsnapshot/group', '.status.readyToUse', 'true');
      await w.until('volumesnapshots', '.items[*].status.readyToUse', 'true true');
      const members = (await w.read('volumesnapshots', '.items[*].metadata.name')).split(' ');
      await w.apply(...members.flatMap((name) => [restored(name, name), pod(name, of(name))]));
      for (const name of members) await w.ready(name);
      const contents = await Promise.all(members.map((name) => w.exec(name, 'cat /data/f')));
      same(contents.sort().join(''), 'left\nright\n', 'restored');
      await w.delete('pod', ...names, ...members);
      await w.delete('volumegroupsnapshot', 'group');
      await w.until('volumesnapshots,volumesnapshotcontents,volumegroupsnapshotcontents', '.items', '[]');
      await removed(w, ...names, ...members);
    },
  },
  {
    title: 'clone: a claim made from a claim has what that one has',
    needs: PROVISIONING,
    async run(w) {
      await w.apply(claim('origin', 'csi-now'), pod('origin', of('origin'), 'echo same > /data/f; sync; sleep 3600'));
      await w.ready('origin');
      const dataSource = { kind: 'PersistentVolumeClaim', name: 'origin' };
      await w.apply(claim('cloned', 'csi-now', { dataSource }), pod('cloned', of('cloned')));
      await w.ready('cloned');
      same(await w.exec('cloned', 'cat /data/f'), 'same\n', 'cloned');
      await w.delete('pod', 'origin', 'cloned');
      await removed(w, 'origin', 'cloned');
    },
  },
  {
    title: 'block device: written by one pod, read by the next',
    needs: PROVISIONING,
    async run(w) {
      await w.apply(claim('block', 'csi-wait', { volumeMode: 'Block' }));
      await w.apply(pod('raw', of('block'), 'printf raw | dd of=/dev/data conv=fsync; sleep 3600', {}, true));
      await w.ready('raw');
      await waitFor(
        { what: 'the device to be written', timeoutMs: WAIT_MS },
        async () => (await w.exec('raw', 'head -c3 /dev/data')) === 'raw',
      );
      await w.delete('pod', 'raw');
      await w.apply(pod('raw-again', of('block'), undefined, {}, true));
      await w.ready('raw-again');
      same(await w.exec('raw-again', 'head -c3 /dev/data'), 'raw', 'content');
      await w.delete('pod', 'raw-again');
      await removed(w, 'block');
    },
  },
  {
    title: 'ReadWriteOncePod: one pod has it, the second waits its turn',
    needs: PROVISIONING,
    async run(w) {
      await w.apply(claim('alone', 'csi-wait', { accessModes: ['ReadWriteOncePod'] }), pod('first', of('alone')));
      await w.ready('first');
      await w.apply(pod('second', of('alone')));
      await w.told('second', /ReadWriteOncePod access mode already in-use by another pod/);
      await w.delete('pod', 'first');
      await w.ready('second');
      await w.delete('pod', 'second');
      await removed(w, 'alone');
    },
  },
  {
    title: 'a volume of a claim made from the pod’s template goes with the pod',
    needs: PROVISIONING,
    async run(w) {
      await w.apply(pod('own', { ephemeral: { volumeClaimTemplate: { spec: claim('', 'csi-wait').spec } } }));
      await w.ready('own');
      await w.delete('pod', 'own');
      await w.cluster.kubectl(['wait', 'pvc/own-data', '--for=delete', '--timeout=60s']);
      await isEmpty(w);
    },
  },
  {
    title: 'a node that can have no more volumes: the scheduler knows, and a pod that came past it is refused',
    needs: PROVISIONING,
    async run(w) {
      same(await w.read(`csinode/${w.node}`, '.spec.drivers[0].allocatable.count'), String(ATTACHED_MAX), 'count');
      await w.apply(driver({ nodeAllocatableUpdatePeriodSeconds: 10 }));
      const names = Array.from({ length: ATTACHED_MAX }, (_, n) => `has-${n}`);
      const claims = [...names, 'waits', 'refused'];
      await w.apply(...claims.map((name) => claim(name, 'csi-now')));
      for (const name of claims) await w.until(`pvc/${name}`, '.status.phase', 'Bound');
      await w.apply(
        pod('has-all', of('has-0'), undefined, { volumes: names.map((name, n) => ({ name: n ? name : 'data', ...of(name) })) }),
      );
      await w.ready('has-all');
      await w.apply(pod('waits', of('waits')), pod('refused', of('refused'), undefined, { nodeName: w.node }));
      await w.told('waits', /node\(s\) exceed max volume count/);
      await w.until('pod/refused', '.status.reason', 'VolumeAttachmentLimitExceeded');
      same(await w.read('pod/refused', '.status.phase'), 'Failed', 'phase');
      matches(await w.read('pod/refused', '.status.message'), /^Pod was rejected: Node has reached its volume attachment limit/, 'message');
      await w.delete('pod', 'has-all');
      await w.ready('waits');
      await w.delete('pod', 'waits', 'refused');
      await removed(w, ...claims);
      await w.apply(driver({ nodeAllocatableUpdatePeriodSeconds: null }));
    },
  },
  {
    title: 'tokens: at each mount, and again while the pod runs (requiresRepublish)',
    async run(w) {
      await w.apply(driver({ tokenRequests: [{ audience: 'csi' }], requiresRepublish: true }));
      await w.apply(pod('tokens', { csi: { driver: DRIVER } }, undefined, near(w)));
      await w.ready('tokens');
      const uid = await w.read('pod/tokens', '.metadata.uid');
      const published = () =>
        w.programs
          .log('hostpathplugin')
          .split('\n')
          .filter((line) => line.includes(CALLED) && line.includes(`"csi.storage.k8s.io/pod.uid":"${uid}"`) && line.includes(TOKENS))
          .length;
      const before = published();
      same(String(before), '1', 'calls at the start');
      await waitFor({ what: 'one more call with tokens, a minute later', timeoutMs: WAIT_MS }, () => published() > before);
      await w.delete('pod', 'tokens');
      await isEmpty(w);
      await w.apply(driver({ tokenRequests: [], requiresRepublish: false }));
    },
  },
  {
    title: 'kill -9 of the driver: its pods go on, it registers again, its volumes are taken back',
    async run(w) {
      await w.apply(pod('goes-on', { csi: { driver: DRIVER } }, 'echo x > /data/f; sleep 3600', near(w)));
      await w.ready('goes-on');
      for (const name of ['hostpathplugin', 'csi-node-driver-registrar']) await w.programs.kill(name);
      same(await w.exec('goes-on', 'cat /data/f'), 'x\n', 'content');
      await w.cluster.kubectl(['delete', 'pod', 'goes-on', '--wait=false']);
      for (const name of ['hostpathplugin', 'csi-node-driver-registrar']) await w.programs.start(name);
      await w.cluster.kubectl(['wait', 'pod/goes-on', '--for=delete', `--timeout=${WAIT_MS / 1000}s`], { timeoutMs: WAIT_MS });
      await isEmpty(w);
    },
  },
  {
    title: 'kill -9 of the agent: its pods go on, what was mounted is known again and taken back',
    needs: PROVISIONING,
    async run(w) {
      await w.apply(claim('crash', 'csi-now'), pod('crash', of('crash'), 'echo x > /data/f; sleep 3600'));
      await w.ready('crash');
      await w.cluster.kill(w.node);
      await w.cluster.restart();
      same(await w.exec('crash', 'cat /data/f'), 'x\n', 'content');
      same(await w.read('pod/crash', '.status.containerStatuses[0].restartCount'), '0', 'restarts');
      await w.cluster.kill(w.node);
      await w.cluster.kubectl(['delete', 'pod', 'crash', '--wait=false']);
      await w.cluster.restart();
      await w.cluster.kubectl(['wait', 'pod/crash', '--for=delete', '--timeout=60s']);
      await removed(w, 'crash');
    },
  },
];

/** Claims go, and with them volumes, attachments, mounts and what the driver has. */
async function removed(w: World, ...claims: string[]): Promise<void> {
  await w.delete('pvc', ...claims);
  await w.until('pv', '.items', '[]');
  await w.until('volumeattachments', '.items', '[]');
  await isEmpty(w);
}

/** Nothing is mounted for drivers any more on the node, and the driver has nothing. */
async function isEmpty({ cluster, node, programs, state }: World): Promise<void> {
  await waitFor({ what: 'volumes and their mounts to go', timeoutMs: WAIT_MS, everyMs: 300 }, async () => {
    const table = await cluster.onNode(node, ['cat', '/proc/self/mountinfo']);
    const left = table.split('\n').filter((line) => line.includes(state) && line.includes('csi'));
    left.push(...programs.kept());
    if (left.length > 0) throw new Error(left.join('\n'));
    return true;
  });
}
