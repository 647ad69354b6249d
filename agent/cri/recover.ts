// At start-up: what an earlier process left is compared with the records. Running containers are taken over as they are; what has no
// record is removed; ends that nobody saw are recorded.
import { namesIn } from '../../kit/fs/index.ts';
import { removeTree, unpinNamespace } from '../../kit/linux/index.ts';
import { lostExit, noticeExit, recordExit } from './container-exit.ts';
import { type CriContext, IF_NAME, messageOf, sandboxFile } from './context.ts';
import { restoreHostPorts } from './host-ports.ts';
import { removeContainer } from './remove-container.ts';
import { SANDBOX_PINS } from './sandbox-namespaces.ts';

export async function recover(context: CriContext): Promise<void> {
  for (const id of context.runtime.list()) {
    const record = context.containers.get(id);
    if (record && !record.exit) await noticeExit(context, id);
    else await quietly(context, `leftover container ${id}`, () => context.runtime.delete(id));
  }
  for (const record of context.containers.all())
    if (!record.exit && record.startedAtMs !== undefined && context.runtime.state(record.id).status === 'none')
      await recordExit(context, record, lostExit());
  for (const { id, sandboxId } of context.containers.all())
    if (!context.sandboxes.get(sandboxId))
      await quietly(context, `container ${id} without its sandbox`, () => removeContainer(context, id));
  for (const id of namesIn(`${context.runDir}/s`))
    if (!context.sandboxes.get(id)) await quietly(context, `leftover sandbox ${id}`, () => dropSandbox(context, id));
  // sandboxes that are stopped have given their address back; those half made keep theirs, they may be asked for again
  const attached = context.sandboxes.all().filter((s) => s.state !== 'notready');
  await context.network.gc(attached.map(({ id }) => ({ containerId: id, ifName: IF_NAME })));
  await quietly(context, 'leftover host ports', () => restoreHostPorts(context));
}

async function dropSandbox(context: CriContext, id: string): Promise<void> {
  for (const name of SANDBOX_PINS) unpinNamespace(sandboxFile(context, id, name));
  await removeTree(`${context.runDir}/s/${id}`);
}

async function quietly(context: CriContext, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    context.log.warn({ error: messageOf(error) }, `could not remove ${what}`);
  }
}
