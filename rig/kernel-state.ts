// What wherry could leave behind in the kernel, as sets that can be compared before and after.
import { readdirSync, readFileSync } from 'node:fs';
import { cgroups, mounts } from '../kit/linux/index.ts';

export interface KernelState {
  links: string[];
  mounts: string[];
  cgroups: string[];
  processes: string[];
  netns: string[];
}

const list = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

/** `/proc/PID/fd/N` is a runtime that is executed from memory (kit/linux/sealed.ts). */
const programs = /(^|\/)(conmon|runc|crun)$|^\/proc\/\d+\/fd\/\d+$|control-plane\.js|agent\.js/;

function ourProcesses(): string[] {
  return list('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return argv.some((word) => programs.test(word)) ? [`${pid} ${argv.join(' ').slice(0, 120)}`] : [];
      } catch {
        return []; // it ended while we looked
      }
    });
}

/** The present state of links, mounts, cgroups, processes and named network namespaces that could be ours. */
export function kernelState(): KernelState {
  const groups = cgroups();
  return {
    links: list('/sys/class/net'),
    mounts: mounts().map((m) => m.target),
    cgroups: ['/wherry', '/wherry-test'].flatMap((path) => {
      const folder = groups.folder('pids', path);
      return folder
        ? list(folder)
            .filter((name) => !name.includes('.'))
            .map((name) => `${path}/${name}`)
        : [];
    }),
    processes: ourProcesses(),
    netns: list('/run/netns'),
  };
}

/** What is in `after` and was not in `before`, one line each. */
export function leftOvers(before: KernelState, after: KernelState): string[] {
  return (Object.keys(after) as (keyof KernelState)[]).flatMap((kind) => {
    const had = new Set(before[kind]);
    return after[kind].filter((item) => !had.has(item) && item !== 'tasks' && !item.startsWith('cgroup')).map((item) => `${kind}: ${item}`);
  });
}
