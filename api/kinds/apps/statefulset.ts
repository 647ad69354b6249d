// apps/v1 StatefulSet.
import {
  deepEqual,
  dns1123Label,
  forbiddenField,
  invalidValue,
  type KubeObject,
  type Problem,
  required,
  semanticEqual,
} from '../../meta/index.ts';
import { ageColumn, containersColumn, imagesColumn, nameColumn, scaleSelectorText, string } from '../columns.ts';
import { core } from '../core/index.ts';
import type { Behaviour } from '../kind.ts';
import {
  childOf,
  intOrPercent,
  intOrPercentNumber,
  nonNegative,
  nonNegativeFields,
  notMoreThan100Percent,
  oneOf,
  setDefaults,
  texts,
} from '../rules.ts';
import { defaultTemplate, templateWarnings, validateTemplate } from '../template.ts';
import { compiled, notAbove, notDecremented, templateLabelsProblem, validateLongRunning, validateSelector } from '../workload.ts';

function defaults(object: KubeObject): void {
  const spec = childOf(object, 'spec');
  setDefaults(spec, { podManagementPolicy: 'OrderedReady', replicas: 1, revisionHistoryLimit: 10 });
  const strategy = childOf(spec, 'updateStrategy');
  if (!strategy.type) {
    strategy.type = 'RollingUpdate';
    childOf(strategy, 'rollingUpdate');
  }
  if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate) setDefaults(strategy.rollingUpdate, { partition: 0 });
  setDefaults(childOf(spec, 'persistentVolumeClaimRetentionPolicy'), { whenDeleted: 'Retain', whenScaled: 'Retain' });
  defaultTemplate(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    setDefaults(claim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim' });
    core['PersistentVolumeClaim']?.defaults?.(claim);
  }
}

/** The gate for maxUnavailable is off: it is dropped unless it was let in before. */
function dropGated(object: KubeObject, old?: KubeObject): void {
  const update = object['spec']?.updateStrategy?.rollingUpdate;
  if (update && old?.['spec'].updateStrategy?.rollingUpdate?.maxUnavailable === undefined) delete update.maxUnavailable;
}

function validateStrategy(strategy: any): Problem[] {
  const path = 'spec.updateStrategy';
  const update = strategy?.rollingUpdate;
  const shown = update ? { Partition: update.partition ?? 0, MaxUnavailable: update.maxUnavailable ?? null } : null;
  if (!strategy?.type) return [required(path)];
  if (strategy.type === 'OnDelete') {
    return update ? [invalidValue(`${path}.rollingUpdate`, shown, "only allowed for updateStrategy 'RollingUpdate'")] : [];
  }
  if (strategy.type !== 'RollingUpdate') {
    return [invalidValue(path, { Type: strategy.type, RollingUpdate: shown }, "must be 'RollingUpdate' or 'OnDelete'")];
  }
  if (!update) return [];
  const problems = nonNegative(`${path}.rollingUpdate.partition`, update.partition);
  if (update.maxUnavailable === undefined) return problems;
  const field = `${path}.rollingUpdate.maxUnavailable`;
  problems.push(...intOrPercent(field, update.maxUnavailable));
  if (intOrPercentNumber(update.maxUnavailable) === 0) problems.push(invalidValue(field, update.maxUnavailable, 'cannot be 0'));
  return [...problems, ...notMoreThan100Percent(field, update.maxUnavailable)];
}

/** The template as its pods will have it: a volume for each claim, names that the controller sets left out. */
function effectiveTemplate(spec: any): any {
  const template = { ...spec.template, spec: { ...spec.template?.spec } };
  delete template.spec.subdomain;
  delete template.spec.hostname;
  const claims = (spec.volumeClaimTemplates ?? []).map((claim: any) => claim.metadata?.name ?? '');
  if (claims.length === 0) return template;
  const others = (template.spec.volumes ?? []).filter((volume: any) => !claims.includes(volume.name));
  template.spec.volumes = [...claims.map((name: string) => ({ name, persistentVolumeClaim: { claimName: name } })), ...others];
  return template;
}

function validateClaims(claims: any[] | undefined): Problem[] {
  return (claims ?? []).flatMap((claim, i) => {
    const problems = core['PersistentVolumeClaim']?.validate?.({ ...claim, metadata: claim.metadata ?? {} }) ?? [];
    return problems
      .filter((problem) => problem.field.startsWith('spec'))
      .map((problem) => ({ ...problem, field: `spec.volumeClaimTemplates[${i}].${problem.field}` }));
  });
}

function validate({ spec }: KubeObject, old?: KubeObject): Problem[] {
  const problems: Problem[] = [];
  const policy = spec.podManagementPolicy;
  if (!policy) problems.push(required('spec.podManagementPolicy'));
  else if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    problems.push(invalidValue('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'"));
  }
  problems.push(...validateStrategy(spec.updateStrategy));
  for (const name of ['whenDeleted', 'whenScaled']) {
    const field = `spec.persistentVolumeClaimRetentionPolicy.${name}`;
    problems.push(...oneOf(field, spec.persistentVolumeClaimRetentionPolicy?.[name], ['Retain', 'Delete']));
  }
  if (!old) problems.push(...validateClaims(spec.volumeClaimTemplates));
  problems.push(...nonNegativeFields(spec, 'spec', ['replicas', 'minReadySeconds']));
  if (spec.ordinals) problems.push(...nonNegative('spec.ordinals.start', spec.ordinals.start));
  if (!old && spec.serviceName) problems.push(...texts('spec.serviceName', spec.serviceName, dns1123Label(spec.serviceName)));
  problems.push(...validateSelector(spec.selector, 'spec.selector', 'statefulset'));
  const selector = compiled(spec.selector);
  if (!selector) problems.push(invalidValue('spec.selector', spec.selector, ''));
  else {
    if (!selector.empty && !selector.matches(spec.template?.metadata?.labels)) {
      problems.push(templateLabelsProblem(spec.template, 'spec.template'));
    }
    problems.push(...validateTemplate(effectiveTemplate(spec), 'spec.template', old && effectiveTemplate(old['spec'])));
  }
  return [...problems, ...validateLongRunning(spec.template, 'spec.template', 'StatefulSet')];
}

const changeable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

function validateUpdate(object: KubeObject, old: KubeObject): Problem[] {
  const fixed = (spec: any) => Object.fromEntries(Object.entries(spec).filter(([name]) => !changeable.includes(name)));
  if (semanticEqual(fixed(object['spec']), fixed(old['spec']))) return [];
  const names =
    "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'";
  return [forbiddenField('spec', `updates to statefulset spec for fields other than ${names} are forbidden`)];
}

const counters = [
  'replicas',
  'readyReplicas',
  'currentReplicas',
  'updatedReplicas',
  'availableReplicas',
  'observedGeneration',
  'collisionCount',
];

function validateStatus({ status }: KubeObject, old: KubeObject): Problem[] {
  const parts = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'];
  return [
    ...nonNegativeFields(status, 'status', counters),
    ...notAbove(status, 'status', parts, 'replicas', 'cannot be greater than status.replicas'),
    ...notAbove(status, 'status', ['availableReplicas'], 'readyReplicas', 'cannot be greater than status.readyReplicas'),
    ...notDecremented(status, old['status'], 'collisionCount'),
  ];
}

export const statefulSet: Behaviour = {
  nameRule: 'label',
  defaults,
  prepareForCreate: (object) => dropGated(object),
  prepareForUpdate: dropGated,
  validate,
  validateUpdate,
  validateSubresource: { status: validateStatus },
  warnings: (object, old) => {
    const { spec } = object;
    const changed = !old || !deepEqual(spec, old['spec']);
    const warnings = changed ? templateWarnings(spec.template, 'spec.template', old?.['spec'].template) : [];
    if ((spec.revisionHistoryLimit ?? 0) < 0) {
      warnings.push('spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended');
    }
    return warnings;
  },
  columns: [
    nameColumn,
    string('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`),
    ageColumn,
    containersColumn(),
    imagesColumn(),
  ],
  scale: {
    specReplicas: 'spec.replicas',
    statusReplicas: 'status.replicas',
    selector: (object) => scaleSelectorText(object['spec'].selector),
  },
};
