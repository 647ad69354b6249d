import { chmodSync, closeSync, copyFileSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, test } from 'vitest';
import { run } from '../exec/index.ts';
import { SealedProgram } from './sealed.ts';

const folder = mkdtempSync(`${tmpdir()}/wherry-sealed-`);
afterAll(() => rmSync(folder, { recursive: true }));

test('the copy runs, cannot be written to, and follows its file', async () => {
  const file = `${folder}/program`;
  copyFileSync('/bin/echo', file);
  const program = new SealedProgram(file);
  try {
    const copy = program.path();
    expect(copy).not.toBe(file);
    expect((await run(copy, ['hello'])).stdout).toBe('hello\n');
    const fd = openSync(copy, 'r+');
    expect(() => writeSync(fd, 'x')).toThrow(expect.objectContaining({ code: 'EPERM' }));
    closeSync(fd);
    expect(program.path()).toBe(copy);
    writeFileSync(file, '#!/bin/sh\necho changed\n');
    chmodSync(file, 0o755);
    expect((await run(program.path(), ['hello'])).stdout).toBe('changed\n');
  } finally {
    program.close();
  }
});
