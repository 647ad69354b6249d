// What only shows on control groups v2, or on a kernel with AppArmor; in order, because pods live on.
import { existsSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toInteger, toMilli } from '../../api/meta/index.ts';
import { run, tryRun } from '../../kit/exec/index.ts';
import { cgroups } from '../../kit/linux/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { up } from '../../rig/index.ts';
import {
  expectEqual,
  expectThat,
  fileOf,
  files,
  isV1,
  MIB,
  NODE,
  type PodObject,
  read,
  SLOW_MS,
  START_MS,
  type Step,
  weight,
} from './guest.ts';
import { kernelSteps } from './kernel-steps.ts';
import { systemdEndSteps, systemdSteps } from './systemd-steps.ts';

/** What is not tried, and why. */
export const skipped: readonly [string, string][] = [
  ['IPVS', 'wherry has no such backend: iptables and nftables'],
  ['user namespaces', 'this kernel cannot show memory with other owners (Linux 6.3): hostUsers: false is refused, which is tried'],
  ['memory.min and memory.high', 'MemoryQoS is no stable part of v1.36'],
];

export const PIDS_MAX = 40;
const CGROUP2_MAGIC = 0x63677270;
/** Seen from dist/, where the bundle is. */
const CRI = join(import.meta.dirname, 'cri.js');
const PROFILES = join(import.meta.dirname, '../agent/cri/wherry-default.apparmor');

const limits = (cpu: string, memory: string) => ({ cpu, memory });

export const steps: readonly Step[] = [
  {
    title: 'the machine has control groups v2 and nothing else',
    groups: 'v2',
    async run() {
      expectEqual('file system of /sys/fs/cgroup', statfsSync('/sys/fs/cgroup').type, CGROUP2_MAGIC);
      expectThat(!read('/proc/self/cgroup').includes('memory'), 'no v1 controller', read('/proc/self/cgroup'));
    },
  },
  {
    title: 'the systemd driver says what it lacks',
    driver: 'cgroupfs',
    async run() {
      const { stderr, stdout, exitCode } = await tryRun('node', [CRI, '{"cgroupDriver":"systemd"}'], { timeoutMs: SLOW_MS });
      const wanted = 'field cgroupDriver: \\"systemd\\" cannot be used: systemd is not the first process';
      expectThat(exitCode !== 0 && `${stderr}${stdout}`.includes(wanted), wanted, { exitCode, stderr, stdout });
    },
  },
  {
    title: 'kubepods has what the node has for pods',
    async run(guest) {
      const { cpu = '0', memory = '0' } = (await guest.node()).status?.allocatable ?? {};
      await guest.create('first');
      await guest.running('first');
      expectEqual('kubepods', files(guest.group(), ['cpu.weight', 'memory.max']), {
        'cpu.weight': weight(Number(toMilli(cpu))),
        'memory.max': String(toInteger(memory)),
      });
    },
  },
  {
    title: 'a pod of each class has its weight, its limits and its place',
    async run(guest) {
      const own = limits('300m', '64Mi');
      await guest.create('guaranteed', { resources: { limits: own } });
      await guest.create('burstable', { resources: { requests: limits('150m', '32Mi'), limits: { memory: '64Mi' } } });
      const [guaranteed, burstable, first] = [
        await guest.running('guaranteed'),
        await guest.running('burstable'),
        await guest.running('first'),
      ];
      const names = ['cpu.weight', 'cpu.max', 'memory.max', 'pids.max'];
      const of = (...texts: string[]) => Object.fromEntries(names.map((name, index) => [name, texts[index]]));
      expectEqual('guaranteed', files(guest.podGroup(guaranteed), names), of(weight(300), '30000 100000', `${64 * MIB}`, `${PIDS_MAX}`));
      expectEqual('burstable', files(guest.podGroup(burstable), names), of(weight(150), 'max 100000', `${64 * MIB}`, `${PIDS_MAX}`));
      expectEqual('besteffort', files(guest.podGroup(first), names), of(weight(0), 'max 100000', 'max', `${PIDS_MAX}`));
      expectEqual('all burstable ones', fileOf(guest.group('/burstable'), 'cpu.weight'), weight(150));
      expectEqual('all besteffort ones', fileOf(guest.group('/besteffort'), 'cpu.weight'), weight(0));
      expectEqual('a container', files(guest.containerGroup(guaranteed), [...names.slice(0, 3), 'memory.oom.group']), {
        ...of(weight(300), '30000 100000', `${64 * MIB}`),
        'memory.oom.group': isV1 ? '' : '1',
        'pids.max': undefined,
      });
      expectEqual(
        'what it sees',
        (
          await guest.exec(
            'guaranteed',
            isV1 ? 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes' : 'cat /sys/fs/cgroup/memory.max /proc/1/cgroup',
          )
        ).trim(),
        isV1 ? `${64 * MIB}` : `${64 * MIB}\n0::/`,
      );
    },
  },
  {
    title: 'a resize changes the groups of a running container',
    async run(guest) {
      const pod = await guest.resize('guaranteed', '400m', '96Mi');
      const wanted = { 'cpu.weight': weight(400), 'cpu.max': '40000 100000', 'memory.max': `${96 * MIB}` };
      expectEqual('the pod', files(guest.podGroup(pod), Object.keys(wanted)), wanted);
      expectEqual('the container', files(guest.containerGroup(pod), Object.keys(wanted)), wanted);
      expectEqual('restarts', pod.status?.containerStatuses?.[0]?.restartCount, 0);
    },
  },
  {
    title: 'resources of a pod as a whole bound its containers',
    async run(guest) {
      await guest.create('whole', {}, { resources: { requests: limits('100m', '48Mi'), limits: limits('200m', '48Mi') } });
      const pod = await guest.running('whole');
      expectEqual('the pod', files(guest.podGroup(pod), ['cpu.weight', 'cpu.max', 'memory.max']), {
        'cpu.weight': weight(100),
        'cpu.max': '20000 100000',
        'memory.max': `${48 * MIB}`,
      });
      await guest.remove('whole');
    },
  },
  {
    title: 'a container that runs out of memory ends as a whole',
    groups: 'v2',
    async run(guest) {
      // Its first process asks for nothing: on v1, or without memory.oom.group, it would live on.
      await guest.create('greedy', { resources: { limits: { memory: '24Mi' } } }, {}, 'tail /dev/zero & wait; sleep infinity');
      const { status } = await guest.ended('greedy');
      const { reason, exitCode } = status?.containerStatuses?.[0]?.state?.terminated ?? {};
      expectEqual('its end', { reason, exitCode }, { reason: 'OOMKilled', exitCode: 137 });
      await guest.remove('greedy');
    },
  },
  {
    title: 'containers whose processes run out of memory end with 137, and why is told',
    groups: 'v1',
    async run(guest) {
      const names = Array.from({ length: 5 }, (_, index) => `greedy-${index}`);
      for (const name of names) await guest.create(name, { resources: { limits: { memory: '24Mi' } } }, {}, 'exec tail /dev/zero');
      const reasons: string[] = [];
      for (const name of names) {
        const { reason = '', exitCode } = (await guest.ended(name)).status?.containerStatuses?.[0]?.state?.terminated ?? {};
        expectEqual(`the end of ${name}`, exitCode, 137);
        reasons.push(reason);
      }
      // with systemd conmon may be too late for one of them: docs/decisions/systemd.md
      expectThat(reasons.includes('OOMKilled'), 'OOMKilled', reasons);
      await guest.remove(...names);
    },
  },
  {
    title: `a pod that forks is held at ${PIDS_MAX} processes, its neighbour notices nothing`,
    async run(guest) {
      // The inner shell ends when it cannot fork, what it started stays.
      await guest.create('forks', {}, {}, "sh -c 'while :; do sleep 1000 & done'; exec sleep 2000");
      const group = guest.podGroup(await guest.running('forks'));
      await waitFor({ what: 'the limit to be hit', timeoutMs: SLOW_MS, everyMs: 500 }, async () =>
        (await guest.logs('forks')).includes("can't fork"),
      );
      // v1 has no count of the most: all but the inner shell are there
      const [file, most] = isV1 ? ['pids.current', PIDS_MAX - 1] : ['pids.peak', PIDS_MAX];
      expectEqual(file, fileOf(group, file), String(most));
      expectEqual('the neighbour', (await guest.exec('guaranteed', 'echo well')).trim(), 'well');
      await guest.remove('forks');
    },
  },
  ...systemdSteps,
  {
    title: 'figures come from the groups’ files',
    async run(guest) {
      const summary = JSON.parse(await guest.ofAgent('/stats/summary'));
      const pod = summary.pods.find(({ podRef }: { podRef: { name: string } }) => podRef.name === 'guaranteed');
      const current = Number(fileOf(guest.podGroup(await guest.running('guaranteed')), 'memory.current'));
      const { usageBytes, workingSetBytes } = pod.memory;
      expectThat(
        usageBytes > 0 && workingSetBytes <= usageBytes && usageBytes < 16 * MIB && current < 16 * MIB,
        `about ${current} bytes`,
        pod.memory,
      );
      expectThat(pod.cpu.usageCoreNanoSeconds > 0 && pod.process_stats.process_count >= 1, 'processor time and processes', pod);
      expectThat(
        summary.node.memory.availableBytes > 0 && summary.node.memory.workingSetBytes > 0,
        "the node's memory",
        summary.node.memory,
      );
      const metrics = await guest.ofAgent('/metrics/cadvisor');
      for (const name of ['container_memory_working_set_bytes', 'container_cpu_cfs_throttled_periods_total'])
        expectThat(new RegExp(`^${name}\\{.*pod="guaranteed"`, 'm').test(metrics), name, metrics.slice(0, 300));
    },
  },
  ...kernelSteps,
  {
    title: 'AppArmor: the default profile, one by name, one that is not there',
    needs: { what: 'AppArmor', met: () => existsSync('/sys/kernel/security/apparmor') },
    async run(guest) {
      await run('apparmor_parser', ['--replace', '--skip-cache', PROFILES], { timeoutMs: SLOW_MS });
      const strict = 'profile vm-strict flags=(attach_disconnected) {\n file,\n signal,\n deny /tmp/** w,\n}\n';
      await run('apparmor_parser', ['--replace', '--skip-cache'], { input: strict, timeoutMs: SLOW_MS });
      const confined = (appArmorProfile?: object) => ({ securityContext: appArmorProfile ? { appArmorProfile } : {} });
      const said =
        'cat /proc/self/attr/current; echo x > /tmp/x && echo written || echo refused; mount -t tmpfs tmpfs /mnt || echo no mounts';
      await guest.create('plain', {}, confined(), said);
      await guest.create('named', {}, confined({ type: 'Localhost', localhostProfile: 'vm-strict' }), said);
      await guest.create('free', {}, confined({ type: 'Unconfined' }), said);
      await guest.create('absent', {}, confined({ type: 'Localhost', localhostProfile: 'no-such' }));
      for (const [name, pattern] of [
        ['plain', /wherry-default \(enforce\).*written.*no mounts/s],
        ['named', /vm-strict \(enforce\).*refused/s],
        ['free', /unconfined.*written/s],
      ] as const) {
        await guest.ended(name);
        const text = await guest.logs(name);
        expectThat(pattern.test(text), `${pattern} from ${name}`, text);
      }
      const { status } = await guest.until('absent', 'to say what is wrong', (s) =>
        Boolean(s.containerStatuses?.[0]?.state?.waiting?.message),
      );
      expectEqual('the absent profile', status?.containerStatuses?.[0]?.state?.waiting, {
        reason: 'CreateContainerError',
        message: 'apparmor profile not found no-such',
      });
      await guest.remove('plain', 'named', 'free', 'absent');
    },
  },
  {
    title: 'a pod that wants users of its own is told that this kernel has none',
    async run(guest) {
      await guest.create('users', {}, { hostUsers: false });
      await guest.tells('users', 'user namespaces');
      await guest.remove('users');
    },
  },
  {
    title: 'an agent that is killed finds its containers again',
    async run(guest) {
      const before = await guest.running('guaranteed');
      await guest.cluster.kill(NODE);
      const holds = isV1 && guest.driver === 'systemd'; // a container for the moment in which systemd writes its limits
      const state = `${cgroups().folder('freezer', guest.containerGroup(before))}/freezer.state`;
      if (holds) writeFileSync(state, 'FROZEN');
      await (await up({ name: guest.cluster.name, timeoutMs: START_MS })).close();
      await guest.remove('burstable');
      const after = await guest.running('guaranteed');
      const of = (pod: PodObject) => pod.status?.containerStatuses?.map(({ containerID, restartCount }) => ({ containerID, restartCount }));
      expectEqual('its container', of(after), of(before));
      if (holds) expectEqual('its processes', read(state), 'THAWED');
      expectEqual('its limit', fileOf(guest.containerGroup(after), 'memory.max'), fileOf(guest.podGroup(after), 'memory.max'));
    },
  },
  {
    title: 'pods that are gone leave no group',
    async run(guest) {
      await guest.remove('--all');
      const left = () =>
        ['', '/burstable', '/besteffort'].flatMap((path) =>
          cgroups()
            .children(guest.group(path))
            .filter((name) => /(^|-)pod/.test(name)),
        );
      await waitFor({ what: 'the groups to go', timeoutMs: SLOW_MS, everyMs: 500 }, () => left().length === 0);
    },
  },
  ...systemdEndSteps,
];
