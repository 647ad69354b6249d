// Checks of a pod's DNS settings, host names and host ports.
import type { Container, HostAlias, PodSpec } from '../../../gen/types/core.v1.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  duplicate,
  forbiddenField,
  invalidValue,
  notSupported,
  type Problem,
  regexHint,
  required,
  tooLong,
} from '../../../meta/index.ts';
import { texts } from '../../rules.ts';
import { validateIp } from '../ip.ts';

export function validateDnsPolicy(policy: string | undefined, field: string): Problem[] {
  const policies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
  if (!policy) return [required(field)];
  return policies.includes(policy) ? [] : [notSupported(field, policy, policies)];
}

const part = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const underscored = `${part}(\\.${part})*`;
const underscoredRule = new RegExp(`^${underscored}$`);
const underscoredText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";

/** Search domains may have underscores, and be the root alone. */
function searchDomain(domain: string): string[] {
  if (domain === '.') return [];
  const name = domain.replace(/\.$/, '');
  const wrong: string[] = [];
  if (name.length > 253) wrong.push('must be no more than 253 characters');
  if (!underscoredRule.test(name)) wrong.push(regexHint(underscoredText, underscored, 'example.com'));
  return wrong;
}

export function validateDnsConfig({ dnsConfig, dnsPolicy }: PodSpec, path: string): Problem[] {
  if (dnsPolicy === 'None') {
    if (!dnsConfig) return [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if (!dnsConfig.nameservers?.length)
      return [required(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')];
  }
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  const problems: Problem[] = [];
  if (nameservers.length > 3) problems.push(invalidValue(`${path}.nameservers`, nameservers, 'must not have more than 3 nameservers'));
  problems.push(...nameservers.flatMap((ip, at) => validateIp(`${path}.nameservers[${at}]`, ip)));
  if (searches.length > 32) problems.push(invalidValue(`${path}.searches`, searches, 'must not have more than 32 search paths'));
  if (searches.join(' ').length > 2048) {
    problems.push(
      invalidValue(`${path}.searches`, searches, 'must not have more than 2048 characters (including spaces) in the search list'),
    );
  }
  problems.push(
    ...searches.flatMap((domain, at) => texts(`${path}.searches[${at}]`, domain.replace(/(?<=.)\.$/, ''), searchDomain(domain))),
  );
  problems.push(...options.flatMap((option, at) => (option.name ? [] : [required(`${path}.options[${at}]`, 'must not be empty')])));
  return problems;
}

export const validateHostAliases = (aliases: readonly HostAlias[], path: string): Problem[] =>
  aliases.flatMap(({ ip, hostnames = [] }, at) => [
    ...validateIp(`${path}[${at}].ip`, ip),
    ...hostnames.flatMap((name, index) => texts(`${path}[${at}].hostnames[${index}]`, name, dns1123Subdomain(name))),
  ]);

export function validateHostnames(spec: PodSpec, path: string): Problem[] {
  const problems: Problem[] = [];
  for (const name of ['hostname', 'subdomain'] as const) {
    if (spec[name]) problems.push(...texts(`${path}.${name}`, spec[name], dns1123Label(spec[name])));
  }
  return problems;
}

export function validateHostnameOverride(spec: PodSpec, path: string): Problem[] {
  const name = spec.hostnameOverride;
  if (name === undefined) return [];
  const field = `${path}.hostnameOverride`;
  const problems: Problem[] = [];
  if (spec.setHostnameAsFQDN) problems.push(forbiddenField(field, 'may not be specified when setHostnameAsFQDN is true'));
  if (spec.hostNetwork) problems.push(forbiddenField(field, 'may not be specified when hostNetwork is true'));
  if (name.length > 64) problems.push(tooLong(field, 64));
  return [...problems, ...texts(field, name, dns1123Subdomain(name))];
}

/** On the host's network a container's ports are the host's. */
export function validateHostNetworkPorts(spec: PodSpec, path: string): Problem[] {
  if (!spec.hostNetwork) return [];
  return (spec.containers ?? []).flatMap(({ ports = [] }, at) =>
    ports.flatMap(({ hostPort = 0, containerPort }, index) =>
      hostPort === containerPort
        ? []
        : [
            invalidValue(
              `${path}.containers[${at}].ports[${index}].hostPort`,
              hostPort,
              'must match `containerPort` when `hostNetwork` is true',
            ),
          ],
    ),
  );
}

export function hostPortConflicts(containers: readonly Container[], path: string): Problem[] {
  const seen = new Set<string>();
  return containers.flatMap(({ ports = [] }, at) =>
    ports.flatMap(({ hostPort, protocol, hostIP = '' }, index) => {
      if (!hostPort) return [];
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (seen.has(key)) return [duplicate(`${path}[${at}].ports[${index}].hostPort`, key)];
      seen.add(key);
      return [];
    }),
  );
}
