// What a CSI volume and its attachment to a node are called: the same for the controller that asks for it and the agent that waits.
import { createHash } from 'node:crypto';

/** The same volume, driver and node have one attachment, by the name that upstream's controller gives it. */
export const attachmentName = (handle: string, driver: string, node: string): string =>
  `csi-${createHash('sha256')
    .update(handle + driver + node)
    .digest('hex')}`;

/** A volume in a node's status (volumesInUse, volumesAttached). */
export const uniqueVolumeName = (driver: string, handle: string): string => `kubernetes.io/csi/${driver}^${handle}`;
