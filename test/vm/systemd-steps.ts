// What is only so where systemd makes the control groups: it knows of each, of their limits, and forgets them.
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { run } from '../../kit/exec/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { expectEqual, expectThat, files, type Guest, isV1, SLOW_MS, type Step, weight } from './guest.ts';

const systemctl = async (...args: string[]): Promise<string> => (await run('systemctl', args, { timeoutMs: SLOW_MS })).stdout.trim();

/** Units of wherry's that systemd knows, loaded or failed, and files that tell it their properties. */
export async function unitsLeft(patterns = ['wherry-*.slice', 'wherry.slice', 'cri-containerd-*']): Promise<string[]> {
  const units = await systemctl('list-units', '--all', '--plain', '--no-legend', '--full', ...patterns);
  const told = ['transient', 'system.control'].flatMap((folder) => namesIn(`/run/systemd/${folder}`));
  const names = patterns.map((pattern) => pattern.slice(0, pattern.indexOf('*') < 0 ? undefined : pattern.indexOf('*')));
  return [
    ...units.split('\n').flatMap((line) => line.split(' ')[0] || []),
    ...told.filter((file) => names.some((name) => file.startsWith(name))),
  ];
}

const namesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

async function properties(unit: string, ...names: string[]): Promise<Record<string, string>> {
  const text = await systemctl('show', '--property', names.join(), unit);
  return Object.fromEntries(text.split('\n').map((line) => line.split('=') as [string, string]));
}

async function expectProperties(what: string, unit: string, wanted: Record<string, string>): Promise<void> {
  const sorted = (record: Record<string, string>) => Object.entries(record).sort();
  expectEqual(what, sorted(await properties(unit, ...Object.keys(wanted))), sorted(wanted));
}

const FILES = ['cpu.weight', 'cpu.max', 'memory.max', 'pids.max'];

/** All groups of pods that live, as the kernel has them. */
async function groupsOf(guest: Guest): Promise<Record<string, Record<string, string>>> {
  const pods = await Promise.all(['first', 'guaranteed', 'burstable'].map((name) => guest.running(name)));
  const folders = ['', '/burstable', '/besteffort'].map((path) => guest.group(path)).concat(pods.map((pod) => guest.podGroup(pod)));
  const of = Object.fromEntries(folders.map((folder) => [folder, files(folder, FILES)]));
  for (const pod of pods)
    of[guest.containerGroup(pod)] = files(guest.containerGroup(pod), [...FILES, ...(isV1 ? ['devices.list'] : ['memory.oom.group'])]);
  return of;
}

export const systemdSteps: readonly Step[] = [
  {
    title: "systemd shows the pods' slices and the containers' scopes",
    driver: 'systemd',
    async run(guest) {
      const pod = await guest.running('guaranteed');
      const { stdout } = await run('systemd-cgls', ['--no-pager', '--full'], { timeoutMs: SLOW_MS });
      const units = [guest.group(), guest.group('/burstable'), guest.podGroup(pod), guest.containerGroup(pod)].map((path) =>
        basename(path),
      );
      for (const unit of units) expectThat(stdout.includes(unit), unit, stdout);
      const uid = pod.metadata.uid?.replaceAll('-', '_');
      expectThat(units[2] === `wherry-vm-node_1-kubepods-pod${uid}.slice`, 'a slice by kubelet’s rule', units[2]);
    },
  },
  {
    title: 'systemd knows the limits',
    driver: 'systemd',
    async run(guest) {
      const pod = await guest.running('guaranteed');
      const [slice, scope] = [basename(guest.podGroup(pod)), basename(guest.containerGroup(pod))];
      const [shares, memory] = isV1 ? ['CPUShares', 'MemoryLimit'] : ['CPUWeight', 'MemoryMax'];
      const limits = { [shares]: weight(400), CPUQuotaPerSecUSec: '400ms', [memory]: String(96 * 2 ** 20) };
      await expectProperties('the pod', slice, { ...limits, TasksMax: '40' });
      await expectProperties('the container', scope, { ...limits, Slice: slice, Delegate: 'yes', CollectMode: 'inactive-or-failed' });
    },
  },
  {
    title: 'a reload of systemd, and its being executed anew, undo no limit',
    driver: 'systemd',
    async run(guest) {
      const before = await groupsOf(guest);
      const oomGroups = Object.values(before).flatMap((group) => group['memory.oom.group'] ?? []);
      if (!isV1) expectEqual('what ends a container as a whole', oomGroups, ['1', '1', '1']);
      const devices = before[guest.containerGroup(await guest.running('guaranteed'))]?.['devices.list'];
      if (isV1) expectThat(devices?.includes('c 1:3 rwm') === true && !devices.includes('a *:*'), 'a list of devices', devices);
      await systemctl('daemon-reload');
      await guest.becomes('after daemon-reload', () => groupsOf(guest), before);
      await systemctl('daemon-reexec');
      await guest.becomes('after daemon-reexec', () => groupsOf(guest), before);
      // and the connection to it is still good for more
      // in between systemd's per cent, so that a reload undoes it
      await guest.resize('guaranteed', '505m', '128Mi');
      const resized = await groupsOf(guest);
      expectEqual('the resized container', resized[guest.containerGroup(await guest.running('guaranteed'))]?.['cpu.max'], '50500 100000');
      await systemctl('daemon-reload');
      await guest.becomes('after a resize and daemon-reload', () => groupsOf(guest), resized);
    },
  },
  {
    title: 'pods that start while systemd reloads have all their limits',
    driver: 'systemd',
    async run(guest) {
      const names = ['early', 'middle', 'late'];
      const started = Promise.all(
        names.map(async (name) => {
          await guest.create(name, { resources: { requests: { cpu: '10m' }, limits: { cpu: '123m', memory: '24Mi' } } });
          return await guest.running(name);
        }),
      );
      let isDone = false;
      void started.catch(() => {}).finally(() => (isDone = true));
      while (!isDone) await systemctl('daemon-reload');
      const groups = (await started).flatMap((pod) => [guest.podGroup(pod), guest.containerGroup(pod)]);
      const quotas = async () => groups.map((group) => files(group, ['cpu.max'])['cpu.max']);
      await guest.becomes(
        'quotas',
        quotas,
        groups.map(() => '12300 100000'),
      );
      await guest.remove(...names);
    },
  },
  {
    title: 'a container that starts again has a new scope, the old one is forgotten',
    driver: 'systemd',
    async run(guest) {
      await guest.create(
        'restarts',
        { resources: { limits: { memory: '24Mi' } } },
        { restartPolicy: 'Always', shareProcessNamespace: true },
        'sleep 3; tail /dev/zero',
      );
      const pod = await guest.until('restarts', 'to start again', (s) => (s.containerStatuses?.[0]?.restartCount ?? 0) >= 2);
      const state = pod.status?.containerStatuses?.[0]?.lastState?.terminated;
      expectEqual('its last end', state?.exitCode, 137);
      if (!isV1) expectEqual('its reason', state?.reason, 'OOMKilled'); // v1 may lose it: docs/decisions/systemd.md
      await guest.remove('restarts');
      const group = guest.podGroup(pod);
      await waitFor(
        { what: 'its units to go', timeoutMs: SLOW_MS, everyMs: 500 },
        async () => (await unitsLeft([basename(group)])).length === 0,
      );
      const running = ['first', 'guaranteed', 'burstable'].length;
      const scopes = await unitsLeft(['cri-containerd-*']);
      expectThat(new Set(scopes.map((name) => name.replace(/\.d$/, ''))).size === running, `${running} scopes`, scopes);
    },
  },
];

/** After the last pod has gone. */
export const systemdEndSteps: readonly Step[] = [
  {
    title: 'pods that are gone leave no unit',
    driver: 'systemd',
    async run(guest) {
      const patterns = [
        'cri-containerd-*',
        ...['', '-burstable', '-besteffort'].map((qos) => basename(guest.group()).replace('.slice', `${qos}-pod*`)),
      ];
      await waitFor({ what: 'the units to go', timeoutMs: SLOW_MS, everyMs: 500 }, async () => {
        const left = await unitsLeft(patterns);
        if (left.length > 0) throw new Error(left.join(' '));
        return true;
      });
    },
  },
];
