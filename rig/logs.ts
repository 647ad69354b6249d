// Logs of a cluster's processes.
import { readFile } from 'node:fs/promises';
import { layoutOf } from './layout.ts';
import type { ClusterRecord } from './record.ts';

/** The last lines of a part's log (`control-plane`, a node's name), for error messages. */
export async function logTail(record: ClusterRecord, part: string): Promise<string> {
  const text = await readFile(`${layoutOf(record.name).logs}/${part}.log`, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-5).join('\n');
}
