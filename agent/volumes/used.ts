// Which volumes of a pod are set up: those that a container mounts or has as a device. Others may name what does not exist. Pure.
import type { Pod, Volume } from '../../api/gen/types/core.v1.ts';
import { everyContainer } from '../../kit/pods/index.ts';

export function usedVolumes(pod: Pod): Volume[] {
  const uses = everyContainer(pod).flatMap(({ volumeDevices = [], volumeMounts = [] }) => [...volumeMounts, ...volumeDevices]);
  const names = new Set(uses.map(nameOf));
  return (pod.spec?.volumes ?? []).filter((volume) => names.has(volume.name));
}

const nameOf = ({ name }: { name: string }): string => name;
