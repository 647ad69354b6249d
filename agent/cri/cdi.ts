// Devices by the names of the Container Device Interface: only foreign runtimes read its specifications.
import { type ContainerConfig, CriError } from './cri.ts';

/** @throws CriError naming them */
export function refuseCdi({ cdiDevices = [] }: Pick<ContainerConfig, 'cdiDevices'>): void {
  if (cdiDevices.length > 0) throw new CriError('InvalidArgument', `CDI devices are not supported: ${cdiDevices.join(', ')}`);
}
