// Security contexts of pod and container -> what the runtime is told. Pure.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import type { Image, LinuxSecurityContext } from '../cri/index.ts';
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
  const groups = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])];
  return {
    privileged: own.privileged ?? false,
    capabilities: { add: own.capabilities?.add ?? [], drop: own.capabilities?.drop ?? [] },
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    noNewPrivs: own.allowPrivilegeEscalation === false,
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    ...(groups.length > 0 ? { supplementalGroups: groups } : {}),
    ...(seccomp
      ? {
          seccomp: {
            type: seccomp.type as 'RuntimeDefault',
            ...(seccomp.localhostProfile ? { localhostRef: seccomp.localhostProfile } : {}),
          },
        }
      : {}),
    ...(own.procMount === 'Unmasked' ? { maskedPaths: [], readonlyPaths: [] } : {}),
  };
}

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
