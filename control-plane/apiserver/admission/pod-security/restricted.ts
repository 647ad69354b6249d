// The restricted standard as data: what it asks beyond the baseline. In the order in which findings are told, which is upstream's (by name).
import { capabilitiesBaseline, findUnmasked, hostPathVolumes, procMount, seccompBaseline } from './baseline.ts';
import {
  addedBeyond,
  type Check,
  containersFinding,
  found,
  hasOwnUsers,
  named,
  namesWhere,
  type PodSpec,
  plural,
  quote,
  setters,
  settersFinding,
  unconfined,
} from './finding.ts';

/** Windows has neither capabilities nor seccomp profiles; validation keeps its pods from setting them. */
const WINDOWS_EXEMPT_SINCE = 25;
const exempt = (spec: PodSpec, version: number): boolean => version >= WINDOWS_EXEMPT_SINCE && spec['os']?.name === 'windows';

const allowPrivilegeEscalation: Check = {
  since: 8,
  find(spec, version) {
    if (exempt(spec, version)) return undefined;
    const names = namesWhere(spec, (context) => context['allowPrivilegeEscalation'] !== false);
    return containersFinding('allowPrivilegeEscalation != false', names, 'must set securityContext.allowPrivilegeEscalation=false');
  },
};

const capabilitiesRestricted: Check = {
  since: 22,
  replaces: capabilitiesBaseline,
  find(spec, version) {
    if (exempt(spec, version)) return undefined;
    const keeping = namesWhere(spec, (context) => !(context['capabilities']?.drop ?? []).includes('ALL'));
    const drop = keeping.length > 0 && `${named(keeping)} must set securityContext.capabilities.drop=["ALL"]`;
    return found('unrestricted capabilities', [drop, addedBeyond(spec, new Set(['NET_BIND_SERVICE']))], '; ');
  },
};

/** The baseline rule without its exception. */
const unmaskedProc: Check = { since: 35, replaces: procMount, find: findUnmasked };

const PLAIN_VOLUMES = new Set([
  'name',
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);

const restrictedVolumes: Check = {
  replaces: hostPathVolumes,
  find(spec) {
    const typeOf = (volume: object): string | undefined => Object.keys(volume).find((key) => !PLAIN_VOLUMES.has(key));
    const bad = ((spec['volumes'] ?? []) as { name: string }[]).filter(typeOf);
    if (bad.length === 0) return undefined;
    const types = [...new Set(bad.map((volume) => typeOf(volume)!))].sort();
    const detail = `${plural('volume', 'volumes', bad.length)} ${quote(bad.map((v) => v.name))} ${plural('uses', 'use', bad.length)} restricted volume ${plural('type', 'types', types.length)} ${quote(types)}`;
    return { reason: 'restricted volume types', detail };
  },
};

const runAsNonRoot: Check = {
  find(spec, version) {
    if (hasOwnUsers(spec, version)) return undefined;
    const who = setters(spec, (context) => context['runAsNonRoot'] === false);
    if (who !== '') return settersFinding('runAsNonRoot != true', who, 'must not set securityContext.runAsNonRoot=false');
    const isLeftOpen = spec['securityContext']?.runAsNonRoot === undefined;
    const implicit = isLeftOpen ? namesWhere(spec, (context) => context['runAsNonRoot'] === undefined) : [];
    return found('runAsNonRoot != true', [implicit.length > 0 && `pod or ${named(implicit)} must set securityContext.runAsNonRoot=true`]);
  },
};

const runAsUser: Check = {
  since: 23,
  find(spec, version) {
    if (hasOwnUsers(spec, version)) return undefined;
    const who = setters(spec, (context) => context['runAsUser'] === 0);
    return settersFinding('runAsUser=0', who, 'must not set runAsUser=0');
  },
};

const seccompRestricted: Check = {
  since: 19,
  replaces: seccompBaseline,
  find(spec, version) {
    if (exempt(spec, version)) return undefined;
    const pod = spec['securityContext']?.seccompProfile !== undefined;
    const bare = pod ? [] : namesWhere(spec, (context) => context['seccompProfile'] === undefined);
    const missing =
      bare.length > 0 && `pod or ${named(bare)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`;
    return found('seccompProfile', [unconfined(spec) ?? missing]);
  },
};

export const restricted: readonly Check[] = [
  allowPrivilegeEscalation,
  capabilitiesRestricted,
  unmaskedProc,
  restrictedVolumes,
  runAsNonRoot,
  runAsUser,
  seccompRestricted,
];
