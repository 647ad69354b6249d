// Test fixture: the images, sandboxes and containers that tests of a Cri make, and how they wait for a container's end.
import { waitFor } from '../../kit/run/index.ts';
import { busyboxArchive } from '../images/testing.ts';
import type { ContainerConfig, ContainerStatus, Cri, PodSandboxConfig } from './cri.ts';

export async function loadTestImages(cri: Cri, folder: string): Promise<void> {
  await cri.loadImage(await busyboxArchive(folder, 'wherry/test:1'));
  await cri.loadImage(
    await busyboxArchive(folder, 'wherry/web:1', { User: 'web', WorkingDir: '/tmp', Entrypoint: ['sh', '-c'], Cmd: ['id'] }),
  );
}

export const container = (script: string, change: Partial<ContainerConfig> = {}): ContainerConfig => ({
  metadata: { name: 'main', attempt: 0 },
  image: 'wherry/test:1',
  command: ['sh', '-c', script],
  logPath: 'main/0.log',
  ...change,
});

/** Ends at once when it is asked to. */
export const sleeping = 'trap "exit 0" TERM; while :; do sleep 0.05; done';

export class TestPods {
  readonly #bed: () => { cri: Cri; folder: string };
  #made = 0;

  /** `bed`: the Cri as it is at that moment, since tests open it again, and the folder of the logs. */
  constructor(bed: () => { cri: Cri; folder: string }) {
    this.#bed = bed;
  }

  sandbox = (change: Partial<PodSandboxConfig> = {}): PodSandboxConfig => {
    const n = this.#made++;
    return {
      metadata: { name: `pod-${n}`, namespace: 'default', uid: `uid-${n}`, attempt: 0 },
      hostname: `pod-${n}`,
      logDirectory: `${this.#bed().folder}/logs/uid-${n}`,
      ...change,
    };
  };

  started = async (
    script: string,
    change: Partial<ContainerConfig> = {},
    pod: Partial<PodSandboxConfig> = {},
  ): Promise<{ sandboxId: string; id: string }> => {
    const { cri } = this.#bed();
    const sandboxId = await cri.runPodSandbox(this.sandbox(pod));
    const id = await cri.createContainer(sandboxId, container(script, change));
    await cri.startContainer(id);
    return { sandboxId, id };
  };

  ended = (id: string): Promise<ContainerStatus> =>
    waitFor({ what: 'the exit', timeoutMs: 60_000, everyMs: 5 }, async () => {
      const status = await this.#bed().cri.containerStatus(id);
      return status.state === 'exited' && status;
    });
}
