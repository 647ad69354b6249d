// Which resources are the API's own, and which somebody's who counts them: devices, licences.
import { qualifiedName } from './text-rules.ts';

/** Without a domain, or in kubernetes.io. */
export const isNativeResource = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');

/** Of a device plugin or the like: counted, never overcommitted. */
export const isExtendedResource = (name: string): boolean =>
  !isNativeResource(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;
