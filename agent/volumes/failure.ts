// What a pod is told about a volume that could not be set up: the texts of upstream's operation generator, which maps block devices and
// mounts everything else.
import { fileErrorText } from '../../kit/fs/index.ts';
import { VolumeProblem, type VolumeStage } from './payload.ts';

type Step = Exclude<VolumeStage, 'process' | 'attach'>;

/** How an event begins: of a file system, of a block device. */
const BEGINNINGS: Record<Step, readonly [mount: string, map: string]> = {
  NodeAffinity: ['MountVolume.NodeAffinity check failed', 'MapVolume.NodeAffinity check failed'],
  NewMounter: ['MountVolume.NewMounter initialization failed', 'MapVolume.NewBlockVolumeMapper initialization failed'],
  exclusive: ['MountVolume.SetUp failed', 'MapVolume.SetUpDevice failed'],
  WaitForAttach: ['MountVolume.WaitForAttach failed', 'MapVolume.WaitForAttach failed'],
  MountDevice: ['MountVolume.MountDevice failed', 'MapVolume.SetUpDevice failed'],
  SetUp: ['MountVolume.SetUp failed', 'MapVolume.MapPodDevice failed'],
  expand: ['MountVolume.Setup failed while expanding volume', 'MapVolume.MarkVolumeAsMounted failed while expanding volume'],
};
/** Told as a failed mount also of a block device. */
const NOT_MAPPED = new Set<VolumeStage>(['process', 'attach', 'NodeAffinity']);

/** A volume that could not be set up; the message is that of the event. */
export class VolumeSetupError extends Error {
  /** Of the event. */
  readonly reason: 'FailedMount' | 'FailedMapVolume';
  /** Not worth an event for some minutes. */
  readonly isWaiting: boolean;
  /** As the pod names it, or the persistent volume. */
  readonly volume: string;
  constructor(volume: string, cause: unknown, isBlock = false) {
    const stage = cause instanceof VolumeProblem ? cause.stage : 'SetUp';
    super(failureText(volume, stage, fileErrorText(cause), isBlock), { cause });
    this.volume = volume;
    this.isWaiting = stage === 'attach';
    this.reason = isBlock && !NOT_MAPPED.has(stage) ? 'FailedMapVolume' : 'FailedMount';
  }
}

function failureText(volume: string, stage: VolumeStage, why: string, isBlock: boolean): string {
  if (stage === 'process')
    return `Unable to attach or mount volumes: unmounted volumes=[${volume}], unattached volumes=[], failed to process volumes=[${volume}]: ${why}`;
  if (stage === 'attach') return `Unable to attach or mount volumes: ${waitingText([volume])}`;
  return `${BEGINNINGS[stage][isBlock ? 1 : 0]} for volume "${volume}" : ${why}`;
}

/** Of volumes that are not attached after all the time that they had. */
export function waitingText(volumes: readonly string[]): string {
  const names = [...volumes].sort().join(' ');
  return `unmounted volumes=[${names}], unattached volumes=[${names}], failed to process volumes=[]: context deadline exceeded`;
}
