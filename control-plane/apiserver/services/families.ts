// ipFamilies and ipFamilyPolicy on a cluster that has IPv4 Services only.
import { isIPv6 } from 'node:net';
import type { Service, ServiceSpec } from '../../../api/gen/types/core.v1.ts';
import { duplicate, invalidValue, notSupported, type Problem } from '../../../api/meta/index.ts';

export const isHeadless = (spec: ServiceSpec): boolean => spec.clusterIP === 'None' || spec.clusterIPs?.[0] === 'None';
const hasSelector = (spec: ServiceSpec): boolean => Object.keys(spec.selector ?? {}).length > 0;

/** Fills both fields in. Nothing is filled in when something is wrong. */
export function defaultFamilies(service: Service): Problem[] {
  const spec = service.spec ?? {};
  if (spec.type === 'ExternalName') return [];
  const free = isHeadless(spec) && !hasSelector(spec); // nobody allocates anything: both families are fine
  const malformed = malformedFamilies(spec, free);
  if (malformed.length) return malformed;
  const mismatch = mismatches(spec);
  if (mismatch.length) return mismatch;
  const problems = free ? [] : unconfigured(spec);
  if (problems.length) return problems;
  if (free) {
    spec.ipFamilyPolicy ??= 'RequireDualStack';
    const first = spec.ipFamilies?.[0] ?? 'IPv4';
    spec.ipFamilies = spec.ipFamilyPolicy === 'SingleStack' ? [first] : [first, first === 'IPv4' ? 'IPv6' : 'IPv4'];
  } else {
    spec.ipFamilyPolicy ??= 'SingleStack';
    spec.ipFamilies = ['IPv4'];
  }
  return [];
}

function malformedFamilies({ ipFamilies = [], ipFamilyPolicy: policy }: ServiceSpec, free: boolean): Problem[] {
  const ipFamilyPolicy = policy ?? (free ? undefined : 'SingleStack');
  const problems = ipFamilies.flatMap((family, at) => {
    const field = `spec.ipFamilies[${at}]`;
    if (family !== 'IPv4' && family !== 'IPv6') return [notSupported(field, family, ['IPv4', 'IPv6'])];
    return ipFamilies.indexOf(family) < at ? [duplicate(field, family)] : [];
  });
  if (problems.length === 0 && ipFamilies.length > 1 && ipFamilyPolicy === 'SingleStack')
    problems.push(
      invalidValue(
        'spec.ipFamilyPolicy',
        ipFamilyPolicy,
        "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
      ),
    );
  return problems;
}

function mismatches(spec: ServiceSpec): Problem[] {
  return (spec.clusterIPs ?? []).flatMap((ip, at) => {
    const family = spec.ipFamilies?.[at];
    if (family === undefined || ip === 'None' || ip === '' || (family === 'IPv6') === isIPv6(ip)) return [];
    return [invalidValue(`spec.clusterIPs[${at}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${at}]\``)];
  });
}

function unconfigured(spec: ServiceSpec): Problem[] {
  const problems: Problem[] = [];
  if (spec.ipFamilyPolicy === 'RequireDualStack')
    problems.push(invalidValue('spec.ipFamilyPolicy', spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services'));
  (spec.clusterIPs ?? []).forEach((ip, at) => {
    if (isIPv6(ip)) problems.push(invalidValue(`spec.clusterIPs[${at}]`, spec.clusterIPs, 'IPv6 is not configured on this cluster'));
  });
  (spec.ipFamilies ?? []).forEach((family, at) => {
    if (family === 'IPv6') problems.push(invalidValue(`spec.ipFamilies[${at}]`, family, 'not configured on this cluster'));
  });
  return problems;
}
