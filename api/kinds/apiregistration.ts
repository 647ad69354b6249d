// Behaviours of the kinds of apiregistration.k8s.io/v1.
import { dns1035Label, dns1123Subdomain, invalidValue, type KubeObject, notSupported, type Problem, required } from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, nameColumn, string } from './columns.ts';
import { setDefaults, texts } from './rules.ts';

function validate({ metadata, spec = {} }: KubeObject): Problem[] {
  const problems: Problem[] = [];
  const { group = '', version = '', service } = spec;
  const wanted = `${version}.${group}`;
  if (metadata.name !== wanted) {
    problems.push(invalidValue('metadata.name', metadata.name ?? '', `must be \`spec.version+"."+spec.group\`: "${wanted}"`));
  }
  if (group === '' && version !== 'v1') {
    problems.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  }
  if (group !== '') problems.push(...texts('spec.group', group, dns1123Subdomain(group)));
  problems.push(...texts('spec.version', version, dns1035Label(version)));
  const range = (name: string, max: number): void => {
    const value = spec[name] ?? 0;
    if (value <= 0 || value > max) problems.push(invalidValue(`spec.${name}`, value, `must be positive and less than ${max}`));
  };
  range('groupPriorityMinimum', 20_000);
  range('versionPriority', 1000);
  if (!service) {
    if (spec.caBundle) {
      const shown = `${Buffer.from(spec.caBundle, 'base64').length} bytes`;
      problems.push(invalidValue('spec.caBundle', shown, 'local APIServices may not have a caBundle'));
    }
    if (spec.insecureSkipTLSVerify) {
      problems.push(invalidValue('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'));
    }
    return problems;
  }
  if (!service.namespace) problems.push(required('spec.service.namespace'));
  if (!service.name) problems.push(required('spec.service.name'));
  if (spec.insecureSkipTLSVerify && spec.caBundle) {
    problems.push(invalidValue('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'));
  }
  return problems;
}

const STATES = ['True', 'False', 'Unknown'];

const validateStatus = ({ status }: KubeObject): Problem[] =>
  ((status?.conditions ?? []) as { status: string }[]).flatMap((condition, i) =>
    STATES.includes(condition.status) ? [] : [notSupported(`status.conditions[${i}].status`, condition.status, STATES)],
  );

function availableText({ status }: KubeObject): string {
  const available = (status?.conditions ?? []).find((condition: any) => condition.type === 'Available');
  if (!available) return 'Unknown';
  return available.status === 'True' ? 'True' : `${available.status} (${available.reason})`;
}

export const apiregistration: Behaviours = {
  APIService: {
    nameRule: 'path-segment',
    hasGeneration: false,
    defaults: (object) => {
      if (object['spec']?.service) setDefaults(object['spec'].service, { port: 443 });
    },
    validate,
    validateSubresource: { status: validateStatus },
    unconditionalUpdate: false,
    columns: [
      nameColumn,
      string('Service', ({ spec }) => (spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local')),
      string('Available', availableText),
      ageColumn,
    ],
  },
};
