// Which program files run: the bundles beside this one (or in dist/ when rig runs from its sources), by this very Node.
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';

const here = import.meta.dirname;
export const dist = basename(here) === 'dist' ? here : join(here, '../dist');

/** argv and environment of one of our programs. @throws Error when it is not built */
export async function program(
  name: 'control-plane' | 'agent',
  config: string,
): Promise<{ argv: [string, ...string[]]; env: Record<string, string> }> {
  const file = join(dist, `${name}.js`);
  if (!existsSync(file)) throw new Error(`${file} is missing: run scripts/build`);
  return {
    argv: [process.execPath, '--disable-warning=ExperimentalWarning', file, config],
    env: { NODE_COMPILE_CACHE: join(dist, '.compile-cache') },
  };
}
