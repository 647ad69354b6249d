// Builds the clients' programs into dist/clients/, with what their lock files name. What is there already is kept.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../kit/exec/index.ts';
import { readFileIfExists } from '../../kit/fs/index.ts';

const sources = import.meta.dirname;
const out = join(sources, '../../dist/clients');
const BUILD_TIMEOUT_MS = 900_000;

/** Builds a package of the module in go/, which also pins helm; the path of the program. */
export async function goProgram(name: string, goPackage: string): Promise<string> {
  const file = join(out, name);
  await run('go', ['build', '-ldflags=-s -w', '-o', file, goPackage], { cwd: join(sources, 'go'), timeoutMs: BUILD_TIMEOUT_MS });
  return file;
}

/** Fills a folder by `fill` unless it was filled from the same lock file before. */
async function fromLock(name: string, lock: string, fill: (folder: string) => Promise<unknown>): Promise<string> {
  const folder = join(out, name);
  const hash = createHash('sha256')
    .update(await readFile(lock))
    .digest('hex');
  const stamp = join(folder, '.lock-hash');
  if ((await readFileIfExists(stamp)) === hash) return folder;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await fill(folder);
  await writeFile(stamp, hash);
  return folder;
}

export async function pythonProgram(): Promise<string[]> {
  const lock = join(sources, 'python/requirements.txt');
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--root-user-action=ignore', '--no-deps'];
  const packages = await fromLock('python', lock, (folder) =>
    run('python3', [...pip, '--target', folder, '--requirement', lock], { timeoutMs: BUILD_TIMEOUT_MS }),
  );
  return ['env', `PYTHONPATH=${packages}`, 'PYTHONDONTWRITEBYTECODE=1', 'python3', join(sources, 'python/main.py')];
}

export async function javascriptProgram(): Promise<string[]> {
  const source = join(sources, 'javascript');
  const folder = await fromLock('javascript', join(source, 'package-lock.json'), async (target) => {
    for (const file of ['package.json', 'package-lock.json']) await copyFile(join(source, file), join(target, file));
    await run('npm', ['ci', '--no-progress', '--loglevel=error'], { cwd: target, timeoutMs: BUILD_TIMEOUT_MS });
  });
  // Beside its node_modules: that is where an ES module looks for packages.
  await copyFile(join(source, 'main.js'), join(folder, 'main.js'));
  return [process.execPath, join(folder, 'main.js')];
}

export async function javaProgram(): Promise<string[]> {
  const folder = join(out, 'java');
  const goals = ['compile', 'dependency:copy-dependencies'];
  // A dependency that the pom no longer names must not stay on the class path.
  await rm(join(folder, 'dependency'), { recursive: true, force: true });
  await run('mvn', ['-q', '-B', `-Doutput=${folder}`, ...goals], { cwd: join(sources, 'java'), timeoutMs: BUILD_TIMEOUT_MS });
  return ['java', '-cp', `${join(folder, 'classes')}:${join(folder, 'dependency')}/*`, 'checks.Main'];
}

export async function rustProgram(): Promise<string[]> {
  const folder = join(out, 'rust');
  const options = { cwd: join(sources, 'rust'), env: { CARGO_TARGET_DIR: folder }, timeoutMs: BUILD_TIMEOUT_MS };
  await run('cargo', ['build', '--locked', '--quiet'], options);
  return [join(folder, 'debug/checks')];
}
