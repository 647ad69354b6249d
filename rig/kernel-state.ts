// What wherry could leave behind in the kernel, as sets that can be compared before and after.
import { readFileSync } from 'node:fs';
import { namesIn } from '../kit/fs/index.ts';
import { cgroups, mounts } from '../kit/linux/index.ts';

export interface KernelState {
  links: string[];
  mounts: string[];
  cgroups: string[];
  processes: string[];
  netns: string[];
}

/** `/proc/PID/fd/N` is a runtime that is executed from memory (kit/linux/sealed.ts). */
const programs = /(^|\/)(conmon|runc|crun)$|^\/proc\/\d+\/fd\/\d+$|control-plane\.js|agent\.js/;

function ourProcesses(): string[] {
  return namesIn('/proc')
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
    links: namesIn('/sys/class/net'),
    mounts: mounts().map((m) => m.target),
    cgroups: ['', '/wherry', '/wherry-test'].flatMap((parent) =>
      groups
        .children(parent)
        .filter((name) => parent !== '' || name.startsWith('wherry'))
        .map((name) => `${parent}/${name}`),
    ),
    processes: ourProcesses(),
    netns: namesIn('/run/netns'),
  };
}

/** What is in `after` and was not in `before`, one line each. */
export function leftOvers(before: KernelState, after: KernelState): string[] {
  return (Object.keys(after) as (keyof KernelState)[]).flatMap((kind) => {
    const had = new Set(before[kind]);
    return after[kind].filter((item) => !had.has(item)).map((item) => `${kind}: ${item}`);
  });
}
