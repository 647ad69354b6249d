// StopPodSandbox: containers die, the network goes, the pins go. The record stays until the sandbox is removed.
import { unmount, unpinNamespace } from '../../kit/linux/index.ts';
import { step } from '../../kit/run/index.ts';
import { type CriContext, containersOf, IF_NAME, messageOf, sandboxFile } from './context.ts';
import { CriError } from './cri.ts';
import { updateHostPorts } from './host-ports.ts';
import { stopPidHolder } from './pid-holder.ts';
import type { SandboxRecord } from './records.ts';
import { SANDBOX_PINS } from './sandbox-namespaces.ts';
import { stopContainer } from './stop-container.ts';

export async function stopPodSandbox(context: CriContext, id: string): Promise<void> {
  await context.turns.take(`sandbox/${id}`, async () => {
    const record = context.sandboxes.get(id);
    if (!record) return;
    if (record.state !== 'notready') step('sandbox.stop-record', () => context.sandboxes.note({ ...record, state: 'notready' }));
    try {
      await Promise.all(containersOf(context, id).map((container) => stopContainer(context, container.id, 0)));
      await tearDownSandbox(context, record);
    } catch (error) {
      throw new CriError('KillPodSandboxError', `failed to stop sandbox ${id}: ${messageOf(error)}`, error);
    }
  });
}

/** Everything but the record, the cgroup and the containers. Idempotent. */
export async function tearDownSandbox(context: CriContext, record: SandboxRecord): Promise<void> {
  const { id, config } = record;
  if (config.linux?.namespaces?.pid === 'pod') await step('sandbox.end-pid-holder', () => stopPidHolder(context, record));
  step('sandbox.unpin', () => {
    for (const name of SANDBOX_PINS) unpinNamespace(sandboxFile(context, id, name));
  });
  step('network.release', () => context.network.release({ containerId: id, ifName: IF_NAME })); // after the namespace, which takes its veth pair along
  step('sandbox.unmount', () => {
    for (const name of ['shm', 'sys', 'layers']) unmount(sandboxFile(context, id, name));
  });
  await step('sandbox.release-host-ports', () => updateHostPorts(context, record));
}
