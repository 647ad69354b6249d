// The kubectls of this machine.
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** kubectl of PATH, and versions of it that lie beside it (`kubectl.1.29`) from the oldest that is supported on. */
export function kubectls(): { name: string; program: string }[] {
  const own = (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => `${folder}/kubectl`)
    .find((path) => existsSync(path));
  if (!own) throw new Error('kubectl is not in PATH');
  const folder = dirname(realpathSync(own));
  const beside = readdirSync(folder).filter((name) => /^kubectl\.1\.(29|3\d)$/.test(name));
  return [{ name: 'kubectl', program: own }, ...beside.map((name) => ({ name, program: join(folder, name) }))];
}
