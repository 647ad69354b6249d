// Security contexts of pod and container -> what the runtime is told. Pure.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import type { Image, LinuxSecurityContext, SecurityProfile } from '../cri/index.ts';
import { ContainerConfigProblem } from './env.ts';
import { podText } from './names.ts';

/** The container's own settings win over the pod's. @throws ContainerConfigProblem when runAsNonRoot would be broken */
export function securityContext(pod: Pod, container: Container, image: Pick<Image, 'uid' | 'username'>): LinuxSecurityContext {
  const own = container.securityContext ?? {};
  const shared = pod.spec?.securityContext ?? {};
  const runAsUser = own.runAsUser ?? shared.runAsUser;
  const runAsGroup = own.runAsGroup ?? shared.runAsGroup;
  if (own.runAsNonRoot ?? shared.runAsNonRoot) checkNonRoot(pod, container, runAsUser, image);
  const seccomp = own.seccompProfile ?? shared.seccompProfile;
  const apparmor = own.appArmorProfile ?? shared.appArmorProfile;
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])];
  return {
    privileged: own.privileged ?? false,
    capabilities: { add: known(own.capabilities?.add), drop: known(own.capabilities?.drop) },
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    noNewPrivs: own.allowPrivilegeEscalation === false,
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    ...(groups.length > 0 ? { supplementalGroups: groups } : {}),
    ...(seccomp ? { seccomp: profile(seccomp) } : {}),
    ...(apparmor ? { apparmor: profile(apparmor) } : {}),
    ...(shared.supplementalGroupsPolicy ? { supplementalGroupsPolicy: shared.supplementalGroupsPolicy as 'Merge' } : {}),
    ...(own.procMount === 'Unmasked' ? { maskedPaths: [], readonlyPaths: [] } : {}),
  };
}

const profile = ({ type, localhostProfile }: { type: string; localhostProfile?: string }): SecurityProfile => ({
  type: type as SecurityProfile['type'],
  ...(localhostProfile ? { localhostRef: localhostProfile } : {}),
});

/** Names that are no capabilities are passed over, also those with the prefix CAP_, as containerd does. */
const known = (names: readonly string[] | undefined): string[] => (names ?? []).filter((name) => CAPABILITIES.has(name.toUpperCase()));

const CAPABILITIES = new Set(
  (
    'ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK ' +
    'IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID ' +
    'SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME ' +
    'SYS_TTY_CONFIG WAKE_ALARM'
  ).split(' '),
);

function checkNonRoot(pod: Pod, container: Container, runAsUser: number | undefined, image: Pick<Image, 'uid' | 'username'>): void {
  const where = `(pod: "${podText(pod)}", container: ${container.name})`;
  if (runAsUser !== undefined) {
    if (runAsUser === 0) throw new ContainerConfigProblem(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  if (image.username && image.uid === undefined)
    throw new ContainerConfigProblem(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`,
    );
  if ((image.uid ?? 0) === 0) throw new ContainerConfigProblem(`container has runAsNonRoot and image will run as root ${where}`);
}
