// Which volumes of a pod are set up: those that a container mounts or has as a device. Others may name what does not exist. Pure.
import type { Pod, Volume } from '../../api/gen/types/core.v1.ts';

export function usedVolumes({ spec }: Pod): Volume[] {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
  const names = new Set(containers.flatMap(({ volumeDevices = [], volumeMounts = [] }) => [...volumeMounts, ...volumeDevices].map(nameOf)));
  return (spec?.volumes ?? []).filter((volume) => names.has(volume.name));
}

const nameOf = ({ name }: { name: string }): string => name;
