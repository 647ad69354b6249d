// AppArmor and seccomp by annotation, from before they had fields: the first still sets its field, the second does nothing.
import type { AppArmorProfile, Pod } from '../../../gen/types/core.v1.ts';
import { goQuote, invalidValue, type Problem } from '../../../meta/index.ts';

const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const SECCOMP = 'container.seccomp.security.alpha.kubernetes.io/';
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';

const containersOf = ({ spec }: Pod) => [
  ...(spec?.initContainers ?? []),
  ...(spec?.containers ?? []),
  ...(spec?.ephemeralContainers ?? []),
];

function profileOf(text: string): AppArmorProfile | undefined {
  if (text === 'unconfined') return { type: 'Unconfined' };
  if (text === 'runtime/default') return { type: 'RuntimeDefault' };
  const localhostProfile = /^localhost\/(.+)$/.exec(text)?.[1];
  return localhostProfile === undefined ? undefined : { type: 'Localhost', localhostProfile };
}

/** Containers without a profile of their own get the annotation's. */
export function takeAppArmorAnnotations(pod: Pod): void {
  if (pod.spec?.os?.name === 'windows') return;
  for (const container of containersOf(pod)) {
    const profile = profileOf(pod.metadata.annotations?.[APP_ARMOR + container.name] ?? '');
    if (profile && !container.securityContext?.appArmorProfile)
      container.securityContext = { ...container.securityContext, appArmorProfile: profile };
  }
}

export function validateAppArmorAnnotations(pod: Pod): Problem[] {
  const names = new Set(containersOf(pod).map(({ name }) => name));
  return Object.entries(pod.metadata.annotations ?? {}).flatMap(([key, value]) => {
    if (!key.startsWith(APP_ARMOR)) return [];
    const field = `metadata.annotations[${key}]`;
    const container = key.slice(APP_ARMOR.length);
    if (!names.has(container)) return [invalidValue(field, container, 'container not found')];
    const known = value === '' || value === 'unconfined' || value === 'runtime/default' || value.startsWith('localhost/');
    return known ? [] : [invalidValue(field, value, `invalid AppArmor profile name: ${goQuote(value)}`)];
  });
}

/** For a pod's author. */
export function annotationWarnings(pod: Pod): string[] {
  const annotations = pod.metadata.annotations ?? {};
  const field = (key: string) => `metadata.annotations[${key}]`;
  const seccomp = (key: string): string[] =>
    annotations[key] === undefined ? [] : [`${field(key)}: non-functional in v1.27+; use the "seccompProfile" field instead`];
  const appArmor = (key: string): string[] =>
    annotations[key] === undefined ? [] : [`${field(key)}: deprecated since v1.30; use the "appArmorProfile" field instead`];
  return [...seccomp(SECCOMP_POD), ...containersOf(pod).flatMap(({ name }) => [...seccomp(SECCOMP + name), ...appArmor(APP_ARMOR + name)])];
}
