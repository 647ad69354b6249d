// Logs of a cluster's processes.
import { readFile } from 'node:fs/promises';
import { layoutOf } from './layout.ts';
import type { ClusterRecord } from './record.ts';

/** ` 1: 0x994b5a node::...`: a Node that dies of itself says why above dozens of these. */
const NATIVE_FRAME = /^\s*\d+: 0x[0-9a-f]+ /;

/** The last lines of a part's log (`control-plane`, a node's name), for error messages. */
export async function logTail(record: ClusterRecord, part: string): Promise<string> {
  const text = await readFile(`${layoutOf(record.name).logs}/${part}.log`, 'utf8').catch(() => '');
  const lines = text.trimEnd().split('\n');
  return lines
    .filter((line) => !NATIVE_FRAME.test(line))
    .slice(-5)
    .join('\n');
}
