import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { ContainerFiles } from './container-files.ts';

test('what a killed conmon left of its exit file is the container’s too', () => {
  const root = mkdtempSync(`${tmpdir()}/wherry-files-`);
  try {
    const files = new ContainerFiles(root);
    expect(files.exitFiles('c1')).toEqual([]);
    mkdirSync(files.exits);
    for (const name of ['c1', 'c1.UUKOZ3', 'c10', 'c10.A', 'c']) writeFileSync(`${files.exits}/${name}`, '');
    expect(files.exitFiles('c1').sort()).toEqual([`${files.exits}/c1`, `${files.exits}/c1.UUKOZ3`]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
