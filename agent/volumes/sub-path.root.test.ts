import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, test } from 'vitest';
import { removeTree, unmountTree } from '../../kit/linux/index.ts';
import { VolumeProblem } from './payload.ts';
import { bindSubPath } from './sub-path.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-sub-path-`);
const volume = join(folder, 'volume');
const outside = join(folder, 'outside');
mkdirSync(join(volume, 'in/side'), { recursive: true });
mkdirSync(outside);
writeFileSync(join(outside, 'secret'), 'secret');
writeFileSync(join(volume, 'in/file'), 'inside');
symlinkSync('in', join(volume, 'relative'));
symlinkSync('../volume/in', join(volume, 'out-and-in'));
symlinkSync(outside, join(volume, 'absolute'));
symlinkSync('../outside', join(volume, 'up'));
symlinkSync('nowhere', join(volume, 'dangling'));
symlinkSync('/proc/1/root', join(volume, 'magic'));
let targets = 0;
const target = () => join(folder, 'targets', String(targets++));
afterAll(() => removeTree(folder));

describe('a part of a volume', () => {
  test.each([
    ['in', ['file', 'side']],
    ['relative', ['file', 'side']],
    ['relative/side', []],
    ['made/on/the/way', []],
    ['in/side/./deep', []],
  ])('%s', async (subPath, names) => {
    const bound = await bindSubPath(volume, subPath, target());
    expect(readdirSync(bound)).toEqual(names);
    expect(await bindSubPath(volume, subPath, bound)).toBe(bound); // again
  });

  test('may be a file', async () => {
    expect(readFileSync(await bindSubPath(volume, 'relative/file', target()), 'utf8')).toBe('inside');
  });

  test.each([
    'absolute',
    'absolute/secret',
    'up',
    'up/secret',
    'up/new',
    'out-and-in',
    'dangling',
    'dangling/new',
    'magic',
    'in/file/below',
    '/etc',
    'in/../..',
  ])('does not lead out by %s', async (subPath) => {
    const at = target();
    await expect(bindSubPath(volume, subPath, at)).rejects.toThrow(VolumeProblem);
    expect(existsSync(at)).toBe(false);
    expect(readdirSync(outside)).toEqual(['secret']);
  });
});

test('does not lead out while folders and symlinks are swapped under it', async () => {
  const flip = join(volume, 'flip');
  const swapper = new Worker(
    `const { mkdirSync, rmSync, symlinkSync, unlinkSync } = require('node:fs');
     const { parentPort, workerData: { flip, outside } } = require('node:worker_threads');
     // What the other thread makes inside meanwhile may keep the folder from going: the next round sees to it.
     const clear = () => { try { rmSync(flip, { recursive: true, force: true }); } catch {} };
     // Long enough to be met, short enough to end in the middle of what the other thread does.
     const stay = () => { for (const until = performance.now() + 0.1; performance.now() < until; ); };
     parentPort.postMessage('begun');
     for (;;) {
       try { symlinkSync(outside, flip); stay(); unlinkSync(flip); mkdirSync(flip); stay(); clear(); } catch { clear(); }
     }`,
    { eval: true, workerData: { flip, outside } },
  );
  await new Promise((resolve) => swapper.once('message', resolve));
  const seen = { bound: 0, refused: 0 };
  const deadlineMs = performance.now() + 20_000;
  const isEnough = (n: number) => (n >= 500 && seen.bound > 0 && seen.refused > 0) || performance.now() > deadlineMs;
  for (let n = 0; !isEnough(n); n++) {
    const at = target();
    try {
      const bound = await bindSubPath(volume, n % 2 ? 'flip' : 'flip/new', at);
      expect(existsSync(join(bound, 'secret'))).toBe(false);
      seen.bound++;
      unmountTree(bound);
    } catch (error) {
      expect(['VolumeProblem', 'SubPathMissing', 'SyscallError', 'Error']).toContain((error as Error).constructor.name);
      seen.refused++;
    }
    expect(readdirSync(outside)).toEqual(['secret']);
  }
  await swapper.terminate();
  rmSync(flip, { recursive: true, force: true });
  expect(seen.bound).toBeGreaterThan(0);
  expect(seen.refused).toBeGreaterThan(0);
});
