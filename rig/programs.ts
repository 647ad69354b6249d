// Which program files run: the bundles beside this one (or in dist/ when rig runs from its sources), by this very Node.
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';

const here = import.meta.dirname;
export const dist = basename(here) === 'dist' ? here : join(here, '../dist');

/**
 * Options of Node for a program. The API server's memory is mostly garbage that waits: with a small young generation, and an old one
 * that grows by a fifth between collections once it has started (control-plane/main.ts), 10,000 objects take half of the memory, at no cost
 * in requests that could be measured. An agent with 80 pods takes 88 instead of 128 MB, and less time to start a process, which copies its page tables.
 * An agent's old generation may grow by two fifths: left to itself V8 lets it grow to three times what is in use and never gives that back
 * (docs/decisions/memory.md).
 * The warmed compile cache is only good for the very options that it was made with.
 */
export const nodeOptions = (name: string): string[] => OPTIONS[name] ?? [];

const OPTIONS: Readonly<Record<string, string[]>> = {
  'control-plane': ['--max-semi-space-size=2'],
  agent: ['--max-semi-space-size=2', '--heap-growing-percent=40'],
};

/**
 * The control plane answers on one thread, but glibc gives every thread that once asked for memory a heap of its own, and what long lists
 * leave free in one heap serves no other: with a single one, 30 MB of 150 are not needed after them.
 */
const memorySettings = (name: string): Record<string, string> => (name === 'control-plane' ? { MALLOC_ARENA_MAX: '1' } : {});

/** argv and environment of one of our programs. @throws Error when it is not built */
export async function program(
  name: 'control-plane' | 'agent' | 'cri',
  config: string,
): Promise<{ argv: [string, ...string[]]; env: Record<string, string> }> {
  const file = join(dist, `${name}.js`);
  if (!existsSync(file)) throw new Error(`${file} is missing: run scripts/build`);
  return {
    argv: [process.execPath, '--disable-warning=ExperimentalWarning', ...nodeOptions(name), file, config],
    env: { NODE_COMPILE_CACHE: join(dist, '.compile-cache'), ...memorySettings(name) },
  };
}
