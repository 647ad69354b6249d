// networking.k8s.io/v1 IPAddress and ServiceCIDR.
import {
  cidrProblems,
  dns1123Subdomain,
  immutableText,
  invalidValue,
  ipProblems,
  isIPv4,
  type KubeObject,
  type Problem,
  parseCidr,
  pathSegment,
  required,
  semanticEqual,
} from '../../meta/index.ts';
import { ageColumn, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { texts } from '../rules.ts';

function validateParent(ref: any): Problem[] {
  const path = 'spec.parentRef';
  if (!ref) return [required(path)];
  const problems = ref.group ? texts(`${path}.group`, ref.group, dns1123Subdomain(ref.group)) : [];
  for (const name of ['resource', 'name']) {
    if (!ref[name]) problems.push(required(`${path}.${name}`));
    else problems.push(...texts(`${path}.${name}`, ref[name], pathSegment(ref[name])));
  }
  if (ref.namespace) problems.push(...texts(`${path}.namespace`, ref.namespace, pathSegment(ref.namespace)));
  return problems;
}

const shownParent = (ref: any) =>
  ref ? { Group: ref.group ?? '', Resource: ref.resource ?? '', Namespace: ref.namespace ?? '', Name: ref.name ?? '' } : null;

function parentText(ref: any): string {
  if (!ref) return '<none>';
  const resource = ref.group ? `${ref.resource}.${ref.group}` : ref.resource;
  return [resource.toLowerCase(), ...(ref.namespace ? [ref.namespace] : []), ref.name].join('/');
}

export const ipAddress: Behaviour = {
  hasGeneration: false,
  nameRule: (name) => ipProblems(name, true),
  validate: ({ spec }) => validateParent(spec?.parentRef),
  validateUpdate: (object, old) =>
    semanticEqual(object['spec']?.parentRef, old['spec']?.parentRef)
      ? []
      : [invalidValue('spec.parentRef', shownParent(object['spec']?.parentRef), immutableText)],
  fieldSelectors: {
    'spec.parentRef.group': ({ spec }) => spec?.parentRef?.group ?? '',
    'spec.parentRef.resource': ({ spec }) => spec?.parentRef?.resource ?? '',
    'spec.parentRef.namespace': ({ spec }) => spec?.parentRef?.namespace ?? '',
    'spec.parentRef.name': ({ spec }) => spec?.parentRef?.name ?? '',
  },
  columns: [nameColumn, string('ParentRef', ({ spec }) => parentText(spec?.parentRef))],
};

const family = (cidr: string): string => (parseCidr(cidr) ? (isIPv4(cidr.split('/')[0]!) ? '4' : '6') : '');

function validateCidrs({ spec }: KubeObject): Problem[] {
  const cidrs: string[] = spec?.cidrs ?? [];
  const path = 'spec.cidrs';
  if (cidrs.length === 0) return [required(path, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalidValue(path, { CIDRs: cidrs }, 'may only hold up to 2 values')];
  const problems = cidrs.flatMap((text, i) => texts(`${path}[${i}]`, text, cidrProblems(text, true)));
  const [first, second] = cidrs.map(family);
  if (cidrs.length === 2 && first !== '' && first === second) {
    const why = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
    problems.push(invalidValue(path, cidrs, why));
  }
  return problems;
}

function validateCidrUpdate(object: KubeObject, old: KubeObject): Problem[] {
  const now: string[] = object['spec']?.cidrs ?? [];
  const then: string[] = old['spec']?.cidrs ?? [];
  const fixed = (i: number): Problem[] => (now[i] === then[i] ? [] : [invalidValue(`spec.cidrs[${i}]`, now[i], immutableText)]);
  if (now.length === then.length) return then.flatMap((_, i) => fixed(i));
  if (then.length === 1 && now.length === 2) return fixed(0);
  return [invalidValue('spec.cidrs', now, immutableText)];
}

export const serviceCidr: Behaviour = {
  validate: (object, old) =>
    old && (object['spec']?.cidrs ?? []).length === (old['spec']?.cidrs ?? []).length ? [] : validateCidrs(object),
  validateUpdate: validateCidrUpdate,
  columns: [nameColumn, string('CIDRs', ({ spec }) => (spec?.cidrs ?? []).join(',')), ageColumn],
};
