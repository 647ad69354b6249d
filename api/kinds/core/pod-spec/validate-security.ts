// Checks of security contexts.
import type { AppArmorProfile, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext, Sysctl } from '../../../gen/types/core.v1.ts';
import { duplicate, forbiddenField, invalidValue, notSupported, type Problem, required } from '../../../meta/index.ts';
import { descendingPath, validateId } from './checks.ts';
import { goForm, goSecurityContext } from './go-form.ts';
import { validateWindowsOptions } from './windows.ts';

function validateSeccomp(profile: SeccompProfile | undefined, path: string): Problem[] {
  if (!profile) return [];
  const types = ['Localhost', 'RuntimeDefault', 'Unconfined'];
  const { type, localhostProfile } = profile;
  const problems: Problem[] = [];
  if (!type) problems.push(required(`${path}.type`, 'type is required when seccompProfile is set'));
  else if (!types.includes(type)) problems.push(notSupported(`${path}.type`, type, types));
  if (type === 'Localhost') {
    if (localhostProfile === undefined) problems.push(required(`${path}.localhostProfile`, 'must be set when seccomp type is Localhost'));
    else problems.push(...descendingPath(`${path}.localhostProfile`, localhostProfile));
  } else if (localhostProfile !== undefined) {
    problems.push(
      invalidValue(
        `${path}.localhostProfile`,
        goForm(profile, ['Type', 'LocalhostProfile']),
        'can only be set when seccomp type is Localhost',
      ),
    );
  }
  return problems;
}

function validateAppArmor(profile: AppArmorProfile | undefined, path: string): Problem[] {
  if (!profile) return [];
  const { type, localhostProfile } = profile;
  const field = `${path}.localhostProfile`;
  if (!type) return [required(`${path}.type`, 'type is required when appArmorProfile is set')];
  if (type === 'RuntimeDefault' || type === 'Unconfined') {
    return localhostProfile === undefined ? [] : [invalidValue(field, localhostProfile, 'can only be set when AppArmor type is Localhost')];
  }
  if (type !== 'Localhost') return [notSupported(`${path}.type`, type, ['Localhost', 'RuntimeDefault', 'Unconfined'])];
  if (!localhostProfile) return [required(field, 'must be set when AppArmor type is Localhost')];
  return localhostProfile.trim() === localhostProfile ? [] : [invalidValue(field, localhostProfile, 'must not be padded with whitespace')];
}

export function validateSecurityContext(context: SecurityContext | undefined, hostUsers: boolean, path: string): Problem[] {
  if (!context) return [];
  const problems = [...validateId(`${path}.runAsUser`, context.runAsUser), ...validateId(`${path}.runAsGroup`, context.runAsGroup)];
  const { procMount } = context;
  if (procMount !== undefined) {
    const types = ['Default', 'Unmasked'];
    if (!types.includes(procMount)) problems.push(notSupported(`${path}.procMount`, procMount, types));
    if (hostUsers && procMount === 'Unmasked')
      problems.push(invalidValue(`${path}.procMount`, procMount, '`hostUsers` must be false to use `Unmasked`'));
  }
  problems.push(...validateSeccomp(context.seccompProfile, `${path}.seccompProfile`));
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged)
      problems.push(
        invalidValue(path, goSecurityContext(context), 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'),
      );
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      problems.push(
        invalidValue(
          path,
          goSecurityContext(context),
          'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
        ),
      );
    }
  }
  return [
    ...problems,
    ...validateWindowsOptions(context.windowsOptions, `${path}.windowsOptions`),
    ...validateAppArmor(context.appArmorProfile, `${path}.appArmorProfile`),
  ];
}

const SYSCTL = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const sysctlName = new RegExp(`^(${SYSCTL}[\\./])*${SYSCTL}$`);

function validateSysctls(sysctls: readonly Sysctl[], spec: PodSpec, path: string): Problem[] {
  const seen = new Set<string>();
  return sysctls.flatMap(({ name }, at) => {
    const field = `${path}[${at}].name`;
    const problems: Problem[] = [];
    if (!name) problems.push(required(field));
    else if (name.length > 253 || !sysctlName.test(name)) {
      problems.push(invalidValue(field, name, `must have at most 253 characters and match regex ^(${SYSCTL}[\\./])*${SYSCTL}$`));
    } else if (seen.has(name)) problems.push(duplicate(field, name));
    seen.add(name);
    const dotted = (name ?? '').replaceAll('/', '.');
    if (spec.hostNetwork && dotted.startsWith('net.'))
      problems.push(invalidValue(field, name, "may not be specified when 'hostNetwork' is true"));
    if (spec.hostIPC && /^(kernel\.shm|kernel\.msg|kernel\.sem$|fs\.mqueue\.)/.test(dotted)) {
      problems.push(invalidValue(field, name, "may not be specified when 'hostIPC' is true"));
    }
    return problems;
  });
}

const oneOf = (field: string, value: string | undefined, allowed: string[]): Problem[] =>
  value === undefined || allowed.includes(value) ? [] : [notSupported(field, value, allowed)];

export function validatePodSecurity(spec: PodSpec, path: string): Problem[] {
  const context: PodSecurityContext = spec.securityContext ?? {};
  const here = `${path}.securityContext`;
  return [
    ...validateId(`${here}.fsGroup`, context.fsGroup),
    ...validateId(`${here}.runAsUser`, context.runAsUser),
    ...validateId(`${here}.runAsGroup`, context.runAsGroup),
    ...(context.supplementalGroups ?? []).flatMap((id, at) => validateId(`${here}.supplementalGroups[${at}]`, id)),
    ...(spec.shareProcessNamespace && spec.hostPID
      ? [invalidValue(`${here}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled')]
      : []),
    ...validateSysctls(context.sysctls ?? [], spec, `${here}.sysctls`),
    ...oneOf(`${here}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']),
    ...validateSeccomp(context.seccompProfile, `${here}.seccompProfile`),
    ...validateWindowsOptions(context.windowsOptions, `${here}.windowsOptions`),
    ...validateAppArmor(context.appArmorProfile, `${here}.appArmorProfile`),
    ...oneOf(`${here}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ['Merge', 'Strict']),
    ...oneOf(`${here}.seLinuxChangePolicy`, context.seLinuxChangePolicy, ['Recursive']),
  ];
}

/** A user namespace of its own does not go with the host's other namespaces. */
export function validateHostUsers(spec: PodSpec, path: string): Problem[] {
  if (spec.hostUsers !== false) return [];
  const why = 'when `hostUsers` is false';
  const problems: Problem[] = [];
  if (spec.hostNetwork) problems.push(forbiddenField(`${path}.hostNetwork`, why));
  if (spec.hostPID) problems.push(forbiddenField(`${path}.HostPID`, why));
  if (spec.hostIPC) problems.push(forbiddenField(`${path}.HostIPC`, why));
  return problems;
}
