import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ContainerStatus, PodSandboxStatus } from '../cri/index.ts';
import { forgetContainer, garbageOf, strayLogFolders } from './garbage.ts';
import { POD_UID_LABEL } from './names.ts';

const record = (podUid: string, name: string, attempt: number, state: ContainerStatus['state'], sandboxId = `${podUid}-0`) =>
  ({
    id: `${podUid}/${name}/${attempt}`,
    sandboxId,
    podUid,
    metadata: { name, attempt },
    state,
    createdAtMs: attempt,
    labels: { [POD_UID_LABEL]: podUid },
  }) as unknown as ContainerStatus;
const sandbox = (uid: string, attempt: number, state: PodSandboxStatus['state']) =>
  ({ id: `${uid}-${attempt}`, metadata: { uid, attempt }, state, labels: { [POD_UID_LABEL]: uid } }) as unknown as PodSandboxStatus;
const collected = (records: ContainerStatus[], sandboxes: PodSandboxStatus[]) => {
  const { containers, sandboxes: gone } = garbageOf(records, sandboxes, (uid) => uid === 'known');
  return [...containers, ...gone].map(({ id }) => id);
};

test('of the dead of one name the newest is kept, also beside a running one', () => {
  const records = [record('known', 'a', 0, 'exited'), record('known', 'a', 2, 'exited'), record('known', 'a', 1, 'unknown')];
  const others = [record('known', 'a', 3, 'running'), record('known', 'b', 0, 'exited'), record('known', 'c', 0, 'created')];
  expect(collected([...records, ...others], [sandbox('known', 0, 'ready')])).toEqual(['known/a/1', 'known/a/0']);
});

test('all that is dead of a pod that is gone goes with its sandbox, nothing that runs', () => {
  const records = [record('gone', 'a', 0, 'exited'), record('runs', 'a', 0, 'running'), record('runs', 'b', 0, 'exited')];
  const sandboxes = [sandbox('gone', 0, 'notready'), sandbox('runs', 0, 'notready')];
  expect(collected(records, sandboxes)).toEqual(['gone/a/0', 'runs/b/0', 'gone-0']);
});

test('a dead sandbox stays while it is the newest of its pod or a kept container was in it', () => {
  expect(collected([], [sandbox('known', 0, 'notready'), sandbox('known', 1, 'notready')])).toEqual(['known-0']);
  const kept = record('known', 'a', 0, 'exited', 'known-0');
  expect(collected([kept], [sandbox('known', 0, 'notready'), sandbox('known', 1, 'ready')])).toEqual([]);
});

test('what other clients of the runtime made is left alone', () => {
  const foreign = { ...record('x', 'a', 0, 'exited'), labels: {} };
  expect(collected([foreign], [{ ...sandbox('x', 0, 'notready'), labels: {} }])).toEqual([]);
});

test('folders of logs that name an unknown pod are stray, others are not ours', () => {
  expect(strayLogFolders(['ns_a_known', 'ns_b_gone', 'pods', 'x_y', '.hidden'], (uid) => uid === 'known')).toEqual(['ns_b_gone']);
});

test('a container is forgotten with its rotated logs, its neighbours keep theirs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'garbage-'));
  try {
    await mkdir(join(folder, 'web'));
    for (const name of ['0.log', '0.log.20260101-000000', '0.log.20260101-000000.gz', '10.log'])
      await writeFile(join(folder, 'web', name), '');
    await forgetContainer({ removeContainer: async () => {} }, { id: 'a', logPath: join(folder, 'web/0.log') });
    expect(await readdir(join(folder, 'web'))).toEqual(['10.log']);
  } finally {
    await rm(folder, { recursive: true });
  }
});
