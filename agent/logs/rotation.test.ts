import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { silentLogger, systemClock } from '../../kit/run/index.ts';
import type { ContainerStatus } from '../cri/index.ts';
import { planRotation, rotateAll, rotatedName } from './rotation.ts';

test('rotated names sort by age', () => {
  expect(rotatedName('/l/0.log', 0)).toBe('/l/0.log.19700101-000000');
});

test.each([
  ['nothing yet', ['0.log'], [], []],
  ['the one before is compressed', ['0.log', '0.log.1'], [], ['0.log.1']],
  ['room is made for one more', ['0.log', '0.log.2.gz', '0.log.1.gz', '0.log.4', '0.log.3.gz', '1.log.0'], ['0.log.1.gz'], ['0.log.4']],
  ['left from a crash', ['0.log', '0.log.1', '0.log.1.gz', '0.log.2', '0.log.2.tmp'], ['0.log.1', '0.log.2.tmp'], ['0.log.2']],
])('%s', (_, present, remove, compress) => expect(planRotation(present, '0.log', 5)).toEqual({ remove, compress }));

test('a log that is too long goes on in a new file; so does one that an agent renamed and died', async () => {
  const folder = mkdtempSync(`${tmpdir()}/wherry-rotation-`);
  try {
    for (const name of ['long', 'short', 'cut-off.20260102-150405'])
      writeFileSync(`${folder}/${name}`, name === 'long' ? 'x'.repeat(100) : 'x');
    const containers = ['long', 'short', 'cut-off'].map((id) => ({ id, logPath: `${folder}/${id}` }) as ContainerStatus);
    const cri = { listContainers: async () => containers, reopenContainerLog: async (id: string) => writeFileSync(`${folder}/${id}`, '') };
    const failures: unknown[] = [];
    const look = () =>
      rotateAll({ cri, clock: systemClock, log: silentLogger, bytesMax: 50, filesMax: 3 }, (error) => failures.push(error));
    await look();
    await look();
    const names = readdirSync(folder).map((name) => name.replace(/^long\.\d{8}-\d{6}$/, 'long.TIME'));
    expect(names.sort()).toEqual(['cut-off', 'cut-off.20260102-150405', 'long', 'long.TIME', 'short']);
    expect(failures).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
