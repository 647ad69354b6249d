// What goes with one operating system only: options of Windows, and fields that Linux alone has.
import type { PodSpec, SecurityContext, WindowsSecurityContextOptions } from '../../../gen/types/core.v1.ts';
import { dns1123Subdomain, forbiddenField, invalidValue, type Problem } from '../../../meta/index.ts';
import { texts } from '../../rules.ts';

const SPEC_MAX_KIB = 64;
const USER_MAX = 104;
const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

const netBios = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const dnsDomain = /^[^\\/:*?"<>|.][a-zA-Z0-9.-]*$/;
const userForbidden = /["/\\:;|=,+*?<>@[\]]/;

export function validateWindowsOptions(options: WindowsSecurityContextOptions | undefined, path: string): Problem[] {
  if (!options) return [];
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options;
  const problems: Problem[] = [];
  if (name !== undefined) problems.push(...texts(`${path}.gmsaCredentialSpecName`, name, dns1123Subdomain(name)));
  if (spec !== undefined) {
    const field = `${path}.gmsaCredentialSpec`;
    if (spec === '') problems.push(invalidValue(field, spec, 'gmsaCredentialSpec cannot be an empty string'));
    else if (spec.length > SPEC_MAX_KIB * 1024)
      problems.push(invalidValue(field, spec, `gmsaCredentialSpec size must be under ${SPEC_MAX_KIB} KiB`));
  }
  if (user !== undefined) problems.push(...userTexts(user).map((text) => invalidValue(`${path}.runAsUserName`, user, text)));
  return problems;
}

function userTexts(name: string): string[] {
  if (name === '') return ['runAsUserName cannot be an empty string'];
  if (/\p{Cc}/u.test(name)) return ['runAsUserName cannot contain control characters'];
  const parts = name.split('\\');
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash'];
  const user = parts.at(-1)!;
  const found: string[] = [];
  if (parts.length === 2 && !netBios.test(parts[0]!) && !dnsDomain.test(parts[0]!))
    found.push("runAsUserName's Domain doesn't match the NetBIOS nor the DNS format");
  if (user === '') found.push("runAsUserName's User cannot be empty");
  else if (user.length > USER_MAX) found.push(`runAsUserName's User length must not be longer than ${USER_MAX} characters`);
  if (userForbidden.test(user)) found.push(`runAsUserName's User cannot contain the following characters: "/\\:;|=,+*?<>@[]`);
  if (user !== '' && /^[. ]+$/.test(user)) found.push("runAsUserName's User cannot contain only periods or spaces");
  return found;
}

const contexts = (spec: PodSpec, path: string): [string, SecurityContext | undefined][] =>
  LISTS.flatMap((list) =>
    (spec[list] ?? []).map(({ securityContext }, at): [string, SecurityContext | undefined] => [
      `${path}.${list}[${at}].securityContext`,
      securityContext,
    ]),
  );

/** Either all containers of a pod are host processes, in the host's network, or none is. */
export function validateHostProcess(spec: PodSpec, path: string): Problem[] {
  const pod = spec.securityContext?.windowsOptions?.hostProcess;
  const all = contexts(spec, path).map(([place, context]) => [place, context?.windowsOptions?.hostProcess] as const);
  const problems = all.flatMap(([place, own]) =>
    pod !== undefined && own !== undefined && own !== pod
      ? [
          invalidValue(
            `${place}.windowsOptions.hostProcess`,
            own,
            `pod hostProcess value must be identical if both are specified, was ${pod}`,
          ),
        ]
      : [],
  );
  const hosts = all.filter(([, own]) => own ?? pod ?? false).length;
  if (hosts === 0) return problems;
  if (!spec.hostNetwork)
    problems.push(invalidValue(`${path}.hostNetwork`, false, 'hostNetwork must be true if pod contains any hostProcess containers'));
  if (hosts < all.length)
    problems.push(invalidValue('', '', 'If pod contains any hostProcess containers then all containers must be HostProcess containers'));
  return problems;
}

const POD_FIELDS = [
  ['securityContext', 'appArmorProfile'],
  ['securityContext', 'seLinuxOptions'],
  ['hostUsers'],
  ['hostPID'],
  ['hostIPC'],
  ['securityContext', 'seccompProfile'],
  ['securityContext', 'fsGroup'],
  ['securityContext', 'fsGroupChangePolicy'],
  ['securityContext', 'sysctls'],
  ['shareProcessNamespace'],
  ['securityContext', 'runAsUser'],
  ['securityContext', 'runAsGroup'],
  ['securityContext', 'supplementalGroups'],
  ['securityContext', 'supplementalGroupsPolicy'],
] as const;

const CONTAINER_FIELDS = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

/** `spec.os` says which fields may not be there. */
export function validateForOs(spec: PodSpec, path: string): Problem[] {
  if (spec.os?.name === 'linux') {
    const all: [string, { windowsOptions?: unknown } | undefined][] = [
      [`${path}.securityContext`, spec.securityContext],
      ...contexts(spec, path),
    ];
    return all.flatMap(([place, context]) =>
      context?.windowsOptions ? [forbiddenField(`${place}.windowsOptions`, 'windows options cannot be set for a linux pod')] : [],
    );
  }
  if (spec.os?.name !== 'windows') return [];
  const set = (value: unknown): boolean => value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
  const refused = (field: string): Problem => forbiddenField(field, 'cannot be set for a windows pod');
  const at = (keys: readonly string[]): unknown => keys.reduce<any>((value, key) => value?.[key], spec);
  return [
    ...POD_FIELDS.flatMap((keys) => (set(at(keys)) ? [refused(`${path}.${keys.join('.')}`)] : [])),
    ...contexts(spec, path).flatMap(([place, context]) =>
      CONTAINER_FIELDS.flatMap((name) => (context?.[name] === undefined ? [] : [refused(`${place}.${name}`)])),
    ),
  ];
}
