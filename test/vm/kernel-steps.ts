// What only a distribution's kernel has: pressure figures, huge pages (reserved by scripts/test-vm), cpusets, swap by control group.
import { existsSync, writeFileSync } from 'node:fs';
import { expectEqual, expectThat, fileOf, type Guest, IMAGE, MIB, NODE, type PodObject, read, type Step } from './guest.ts';

const HUGE = 'hugepages-2Mi';
const ROOT = '/sys/fs/cgroup';
const RESERVED = '32Mi';
const hasController = (name: string): boolean => read(`${ROOT}/cgroup.controllers`).split(' ').includes(name);

/** Microseconds of waiting so far, of a file like /proc/pressure/cpu. */
const waited = (file: string): number => Number(/^some .*total=(\d+)$/m.exec(read(file))?.[1]);

interface Figures {
  cpu: { psi: { some: { total: number } } };
  memory: { psi: { some: { total: number } } };
  io: { psi: { some: { total: number } } };
}

/** The summary's figures are those of the kernel's files, which only grow. */
async function comparePressure(guest: Guest, pod: PodObject): Promise<void> {
  const kinds = ['cpu', 'memory', 'io'] as const;
  const places = [
    (what: string) => `/proc/pressure/${what}`,
    (what: string) => `${ROOT}${guest.podGroup(pod)}/${what}.pressure`,
    (what: string) => `${ROOT}${guest.containerGroup(pod)}/${what}.pressure`,
  ];
  const all = () => places.map((file) => kinds.map((what) => waited(file(what))));
  const before = all();
  const summary = JSON.parse(await guest.ofAgent('/stats/summary'));
  const after = all();
  const ofPod = summary.pods.find(({ podRef }: { podRef: { name: string } }) => podRef.name === pod.metadata.name);
  const told = [summary.node, ofPod, ofPod.containers[0]].map((figures: Figures) => kinds.map((what) => figures[what].psi.some.total));
  const holds = told.every((row, i) => row.every((total, k) => total >= before[i]![k]! && total <= after[i]![k]!));
  expectThat(holds, 'figures between those of before and after', { before, told, after });
  expectThat(told[2]![0]! > 0, 'that a throttled container waited for its processor', told);
}

const takes = (mebibytes: number) => `fallocate -l ${mebibytes << 20} /huge/file`;

export const kernelSteps: readonly Step[] = [
  {
    title: 'pressure of the node, a pod and a container',
    groups: 'v2',
    needs: { what: 'pressure stall information (CONFIG_PSI)', met: () => existsSync('/proc/pressure') },
    async run(guest) {
      await guest.exec('guaranteed', 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done');
      await comparePressure(guest, await guest.running('guaranteed'));
      const metrics = await guest.ofAgent('/metrics/cadvisor');
      for (const what of ['cpu', 'memory', 'io'])
        for (const verb of ['stalled', 'waiting'])
          expectThat(metrics.includes(`container_pressure_${what}_${verb}_seconds_total{`), `${what} ${verb}`, metrics.slice(0, 300));
      const seconds = Number(
        /^container_pressure_cpu_waiting_seconds_total\{container="c",.*pod="guaranteed".*\} (\S+)/m.exec(metrics)?.[1],
      );
      expectThat(seconds > 0, 'seconds that the container waited', seconds);
    },
  },
  {
    title: 'huge pages are counted, given, used and limited',
    groups: 'v2',
    needs: { what: 'huge pages', met: () => existsSync('/sys/kernel/mm/hugepages') },
    async run(guest) {
      const { capacity, allocatable } = (await guest.node()).status ?? {};
      expectEqual('capacity and allocatable', [capacity?.[HUGE], allocatable?.[HUGE]], [RESERVED, RESERVED]);
      const kept = (list: typeof capacity) => Number.parseInt(list?.['memory'] ?? '', 10);
      expectThat(kept(capacity) - kept(allocatable) >= 32 * 1024, 'memory without the huge pages', { capacity, allocatable });
      const resources = (pages: string) => ({ limits: { [HUGE]: pages, memory: '32Mi' } });
      const volumeMounts = [{ name: 'huge', mountPath: '/huge' }];
      const volumes = [{ name: 'huge', emptyDir: { medium: 'HugePages' } }];
      // Not root, and with a neighbour in the same pod that has asked for none but sees the volume.
      const neighbour = { name: 'neighbour', image: IMAGE, command: ['sleep', 'infinity'], volumeMounts };
      const container = { name: 'c', image: IMAGE, command: ['sleep', 'infinity'], volumeMounts, resources: resources('4Mi') };
      await guest.create('huge', {}, { securityContext: { runAsUser: 1000 }, volumes, containers: [container, neighbour] });
      const pod = await guest.running('huge');
      const max = (group: string) => fileOf(group, 'hugetlb.2MB.max');
      expectEqual('the pod', max(guest.podGroup(pod)), `${4 * MIB}`);
      expectEqual('the container', max(guest.containerGroup(pod, 'c')), `${4 * MIB}`);
      expectEqual('its neighbour', max(guest.containerGroup(pod, 'neighbour')), '0');
      expectEqual('other pods', max(guest.podGroup(await guest.running('guaranteed'))), '0');
      const mounted = await guest.exec('huge', "grep ' /huge ' /proc/mounts");
      expectThat(/hugetlbfs.*pagesize=2M/.test(mounted), 'a file system of huge pages', mounted);
      const tried = await guest.exec('huge', `${takes(6)} 2>&1; rm -f /huge/file; ${takes(4)} && cat /huge/file | wc -c; id -u`);
      expectThat(/No space left on device\n4194304\n1000\n?$/.test(tried), 'no third page, two that can be read', tried);
      expectEqual('pages in use', fileOf(guest.podGroup(pod), 'hugetlb.2MB.current'), `${4 * MIB}`);
      const others = await guest.exec('huge', `rm /huge/file; ${takes(2)} && echo taken`, 'c');
      expectEqual('a page again', others.trim(), 'taken');
      const stolen = await guest.exec('huge', `fallocate -l ${2 * MIB} /huge/mine 2>&1 || true`, 'neighbour');
      expectThat(stolen.includes('No space left on device'), 'no page for who asked for none', stolen);
      await guest.remove('huge');
      await guest.becomes('pages free again', async () => /HugePages_Free: +(\d+)/.exec(read('/proc/meminfo'))?.[1], '16');
    },
  },
  {
    title: 'huge pages that are not there',
    needs: { what: 'huge pages', met: () => existsSync('/sys/kernel/mm/hugepages') },
    async run(guest) {
      const resources = (size: string, amount: string) => ({ resources: { limits: { [`hugepages-${size}`]: amount, memory: '32Mi' } } });
      await guest.create('many', resources('2Mi', '34Mi'));
      await guest.create('bound', resources('2Mi', '34Mi'), { nodeName: NODE });
      await guest.create('giant', resources('1Gi', '1Gi'));
      // One size for the container, another for its volume.
      const volumes = [{ name: 'huge', emptyDir: { medium: 'HugePages-1Gi' } }];
      await guest.create('mixed', { ...resources('2Mi', '2Mi'), volumeMounts: [{ name: 'huge', mountPath: '/huge' }] }, { volumes });
      for (const [name, size] of [
        ['many', '2Mi'],
        ['giant', '1Gi'],
      ] as const) {
        const { status } = await guest.until(
          name,
          'to be told',
          (s) => s.conditions?.some(({ reason }) => reason === 'Unschedulable') ?? false,
        );
        const message = status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message ?? '';
        expectThat(message.startsWith(`0/1 nodes are available: 1 Insufficient hugepages-${size}.`), name, message);
      }
      const { status } = await guest.ended('bound');
      expectEqual(
        'one that is bound',
        [status?.reason, status?.message],
        [
          `OutOf${HUGE}`,
          `Pod was rejected: Node didn't have enough resource: ${HUGE}, requested: ${34 * MIB}, used: 0, capacity: ${32 * MIB}`,
        ],
      );
      await guest.tells('mixed', 'FailedMount', 'medium HugePages-1Gi');
      await guest.remove('many', 'bound', 'giant', 'mixed');
    },
  },
  {
    title: 'a container sees the processors that its group may use, as an administrator narrows them',
    groups: 'v2',
    needs: { what: 'cpuset controller', met: () => hasController('cpuset') },
    async run(guest) {
      const file = `${ROOT}${guest.group()}/cpuset.cpus`;
      const seen = () => guest.exec('guaranteed', 'cat /sys/fs/cgroup/cpuset.cpus.effective; nproc');
      const all = read(`${ROOT}/cpuset.cpus.effective`);
      expectEqual('all of them', (await seen()).split('\n')[0], all);
      try {
        writeFileSync(file, '0');
        expectEqual('one', (await seen()).trim(), '0\n1');
        await guest.create('narrow', {}, {}, 'nproc');
        await guest.ended('narrow');
        expectEqual('of a new pod', (await guest.logs('narrow')).trim(), '1');
        await guest.resize('guaranteed', '350m', '112Mi');
        expectEqual('after a resize', read(file), '0');
      } finally {
        writeFileSync(file, all); // the kernel empties none with processes in it
      }
      expectEqual('all again', (await seen()).split('\n')[0], all);
      await guest.remove('narrow');
    },
  },
  {
    title: 'no container swaps',
    groups: 'v2',
    needs: {
      what: 'swap counted by control group',
      met: () => ['wherry', 'wherry.slice'].some((group) => existsSync(`${ROOT}/${group}/memory.swap.max`)),
    },
    async run(guest) {
      expectEqual('swap', fileOf(guest.containerGroup(await guest.running('guaranteed')), 'memory.swap.max'), '0');
    },
  },
];
