// Pod Security: a namespace's labels say which standard its pods keep (enforce) or are warned about (warn).
import { deepEqual, invalid, type KubeObject, type Problem } from '../../../../api/meta/index.ts';
import type { AdmissionPlugin, Attributes, Reader } from '../../request.ts';
import { refused } from '../attributes.ts';
import { findings, type Level } from './checks.ts';
import type { Finding } from './finding.ts';

type Mode = 'enforce' | 'warn' | 'audit';

const PREFIX = 'pod-security.kubernetes.io/';
const LEVELS = ['privileged', 'baseline', 'restricted'];
const NAMESPACES = { group: '', plural: 'namespaces' };

export interface Policy {
  level: Level;
  version: string;
}

/** The policy of a mode; labels that cannot be read count as the strictest (validation keeps them out). */
export function policyOf(labels: Readonly<Record<string, string>> | undefined, mode: Mode): Policy {
  const level = labels?.[PREFIX + mode] ?? 'privileged';
  return { level: (LEVELS.includes(level) ? level : 'restricted') as Level, version: labels?.[`${PREFIX}${mode}-version`] ?? 'latest' };
}

const textOf = ({ level, version }: Policy, found: readonly Finding[]): string =>
  `PodSecurity "${level}:${version}": ${found.map(({ reason, detail }) => `${reason} (${detail})`).join(', ')}`;

/** The pod spec within an object that makes pods. */
function templateSpec(kind: string, object: KubeObject | undefined): Record<string, any> | undefined {
  if (kind === 'PodTemplate') return object?.['template']?.spec;
  if (kind === 'CronJob') return object?.['spec']?.jobTemplate?.spec?.template?.spec;
  return object?.['spec']?.template?.spec;
}

const TEMPLATED = new Set([
  'PodTemplate',
  'ReplicationController',
  'ReplicaSet',
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'Job',
  'CronJob',
]);

function labelProblems(labels: Readonly<Record<string, string>>): Problem[] {
  return (['enforce', 'audit', 'warn'] as const).flatMap((mode) => {
    const problem = (name: string, rule: string): Problem => ({
      field: `metadata.labels[${name}]`,
      reason: 'FieldValueInvalid',
      message: `Invalid value: ${JSON.stringify(labels[name])}: ${rule}`,
    });
    const level = labels[PREFIX + mode];
    const version = labels[`${PREFIX}${mode}-version`];
    return [
      ...(level !== undefined && !LEVELS.includes(level)
        ? [problem(PREFIX + mode, 'must be one of privileged, baseline, restricted')]
        : []),
      ...(version !== undefined && !/^(latest|v1\.(0|[1-9]\d*))$/.test(version)
        ? [problem(`${PREFIX}${mode}-version`, 'must be "latest" or "v1.x"')]
        : []),
    ];
  });
}

function checkNamespace({ object, oldObject, name }: Attributes): void {
  const labels = object?.metadata.labels ?? {};
  if (deepEqual(labels, oldObject?.metadata.labels ?? {})) return;
  const problems = labelProblems(labels);
  if (problems.length > 0) throw invalid({ group: '', kind: 'Namespace' }, name, problems);
}

function warn(attributes: Attributes, policy: Policy, spec: Record<string, any>): void {
  const found = findings(spec, policy.level, policy.version);
  if (found.length > 0) attributes.warnings.push(`would violate ${textOf(policy, found)}`);
}

export const podSecurity = (reader: Reader): AdmissionPlugin => ({
  name: 'PodSecurity',
  validate(attributes) {
    const { kind, object, oldObject, operation, subresource } = attributes;
    if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return undefined;
    if (kind.group === '' && kind.kind === 'Namespace' && subresource === '') checkNamespace(attributes);
    const isPod = kind.group === '' && kind.kind === 'Pod' && (subresource === '' || subresource === 'ephemeralcontainers');
    if (!isPod && (subresource !== '' || !TEMPLATED.has(kind.kind))) return undefined;
    const spec: Record<string, any> | undefined = isPod ? object['spec'] : templateSpec(kind.kind, object);
    const old = isPod ? oldObject?.['spec'] : templateSpec(kind.kind, oldObject);
    if (!spec || (old && deepEqual(spec, old))) return undefined;
    const labels = reader.get(NAMESPACES, '', attributes.namespace)?.metadata.labels;
    if (isPod) {
      const policy = policyOf(labels, 'enforce');
      const found = findings(spec, policy.level, policy.version);
      if (found.length > 0) throw refused(attributes, `violates ${textOf(policy, found)}`);
    }
    warn(attributes, policyOf(labels, 'warn'), spec);
    return undefined;
  },
});
