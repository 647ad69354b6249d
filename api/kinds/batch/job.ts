// batch/v1 Job.
import {
  deepCopy,
  deepEqual,
  dns1123Label,
  invalidValue,
  type KubeObject,
  labelSelectorMatches,
  type Problem,
  required,
  validateLabelSelector,
} from '../../meta/index.ts';
import { ageColumn, containersColumn, humanDuration, imagesColumn, nameColumn, selectorText, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { childOf, immutable, immutableFields } from '../rules.ts';
import { templateWarnings } from '../template.ts';
import { compiled, podNameWarning, templateLabelsProblem } from '../workload.ts';
import { defaultJobSpec, validateJobSpec } from './job-spec.ts';
import { validateJobStatus } from './job-status.ts';

const prefix = 'batch.kubernetes.io/';

/** A Job without labels has those of its pods. */
function labelsOfPods(object: KubeObject): void {
  const labels = object['spec']?.template?.metadata?.labels;
  if (labels && Object.keys(object.metadata.labels ?? {}).length === 0) object.metadata.labels = { ...labels };
}

function defaults(object: KubeObject): void {
  labelsOfPods(object);
  defaultJobSpec(object);
}

/** Pods are told apart by the Job's uid, unless the author has a selector of their own. Name and uid are set already. */
function generateSelector(object: KubeObject): void {
  const { spec, metadata } = object;
  if (spec.manualSelector === true) return;
  const labels = childOf(childOf(childOf(spec, 'template'), 'metadata'), 'labels');
  for (const at of ['', prefix]) {
    labels[`${at}job-name`] ??= metadata.name;
    labels[`${at}controller-uid`] ??= metadata.uid;
  }
  childOf(childOf(spec, 'selector'), 'matchLabels')[`${prefix}controller-uid`] ??= metadata.uid;
}

function validateGeneratedSelector({ metadata, spec }: KubeObject, withPrefix: boolean): Problem[] {
  if (spec.manualSelector === true || !spec.selector) return [];
  const problems: Problem[] = [];
  if (!metadata.uid) problems.push(required('metadata.uid'));
  const wanted: Record<string, string> = {};
  for (const at of withPrefix ? ['', prefix] : ['']) {
    wanted[`${at}controller-uid`] = metadata.uid ?? '';
    wanted[`${at}job-name`] = metadata.name ?? '';
  }
  const labels = spec.template?.metadata?.labels ?? {};
  const field = 'spec.template.metadata.labels';
  for (const [key, value] of Object.entries(wanted)) {
    if (labels[key] === undefined) problems.push({ field, reason: 'FieldValueRequired', message: `Required value: must be '${value}'` });
    else if (labels[key] !== value) problems.push(invalidValue(field, labels, `must be '${value}'`));
  }
  if (compiled(spec.selector) && !labelSelectorMatches(spec.selector, wanted)) {
    problems.push(invalidValue('spec.selector', spec.selector, '`selector` not auto-generated'));
  }
  return problems;
}

function validate(object: KubeObject, old?: KubeObject): Problem[] {
  const { spec, metadata } = object;
  const oldLabels = old?.['spec'].template?.metadata?.labels ?? {};
  const withPrefix = !old || (oldLabels[`${prefix}job-name`] !== undefined && oldLabels[`${prefix}controller-uid`] !== undefined);
  const problems = validateGeneratedSelector(object, withPrefix);
  problems.push(...validateJobSpec(spec, 'spec', old?.['spec'].template));
  if (!spec.selector) problems.push(required('spec.selector'));
  else problems.push(...validateLabelSelector(spec.selector, 'spec.selector'));
  const selector = compiled(spec.selector);
  if (selector && !selector.matches(spec.template?.metadata?.labels)) problems.push(templateLabelsProblem(spec.template, 'spec.template'));
  if (spec.completionMode === 'Indexed' && spec.completions > 0) {
    const hostname = `${metadata.name}-${spec.completions - 1}`;
    if (dns1123Label(hostname).length) {
      problems.push(invalidValue('metadata.name', metadata.name, `will not able to create pod with invalid DNS label: ${hostname}`));
    }
  }
  return problems;
}

const isTrue = (object: KubeObject, type: string): boolean =>
  (object['status']?.conditions ?? []).some((condition: any) => condition.type === type && condition.status === 'True');

/** While a Job rests, where and with how much its pods run may be changed. */
function validateTemplateUpdate(object: KubeObject, old: KubeObject): Problem[] {
  const { template } = object['spec'];
  const before = deepCopy(old['spec'].template);
  const resting =
    old['spec'].suspend === true && (!old['status']?.startTime || isTrue(old, 'Suspended')) && (old['status']?.active ?? 0) === 0;
  if (!resting) return immutable('spec.template', template, before);
  for (const name of ['nodeSelector', 'tolerations', 'schedulingGates']) before.spec[name] = template.spec[name];
  before.spec.affinity = { ...before.spec.affinity, nodeAffinity: template.spec.affinity?.nodeAffinity };
  for (const list of ['containers', 'initContainers']) {
    const now: any[] = template.spec[list] ?? [];
    const then: any[] = before.spec[list] ?? [];
    if (now.length !== then.length) continue;
    then.forEach((container, i) => {
      if (container.name === now[i].name) container.resources = now[i].resources;
    });
  }
  return immutable('spec.template.spec', template.spec, before.spec);
}

function validateUpdate(object: KubeObject, old: KubeObject): Problem[] {
  const { spec } = object;
  const problems: Problem[] = [];
  if (spec.completionMode !== 'Indexed') problems.push(...immutable('spec.completions', spec.completions, old['spec'].completions));
  else if (typeof spec.completions === 'number' && spec.completions !== old['spec'].completions && spec.completions !== spec.parallelism) {
    problems.push(invalidValue('spec.completions', spec.completions, 'can only be modified in tandem with spec.parallelism'));
  }
  problems.push(...immutable('spec.selector', spec.selector, old['spec'].selector));
  problems.push(...validateTemplateUpdate(object, old));
  const fixed = ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'];
  return [...problems, ...immutableFields(spec, old['spec'], 'spec', fixed)];
}

function statusText(object: KubeObject): string {
  if (isTrue(object, 'Complete')) return 'Complete';
  if (isTrue(object, 'Failed')) return 'Failed';
  if (object.metadata.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find((type) => isTrue(object, type)) ?? 'Running';
}

function completionsText({ spec, status }: KubeObject): string {
  const done = status?.succeeded ?? 0;
  if (typeof spec.completions === 'number') return `${done}/${spec.completions}`;
  return (spec.parallelism ?? 0) > 1 ? `${done}/1 of ${spec.parallelism}` : `${done}/1`;
}

function durationText({ status }: KubeObject, nowMs: number): string {
  if (!status?.startTime) return '';
  return humanDuration((status.completionTime ? Date.parse(status.completionTime) : nowMs) - Date.parse(status.startTime));
}

export const job: Behaviour = {
  defaults,
  prepareForCreate(object) {
    generateSelector(object);
    labelsOfPods(object);
  },
  validate,
  validateUpdate,
  validateSubresource: { status: validateJobStatus },
  defaultPropagation: 'Orphan',
  fieldSelectors: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  warnings: (object, old) => {
    if (!old) return [...podNameWarning(object), ...templateWarnings(object['spec'].template, 'spec.template')];
    if (deepEqual(object['spec'], old['spec'])) return [];
    return templateWarnings(object['spec'].template, 'spec.template', old['spec'].template);
  },
  columns: [
    nameColumn,
    string('Status', statusText),
    string('Completions', completionsText),
    string('Duration', durationText),
    ageColumn,
    containersColumn(),
    imagesColumn(),
    string('Selector', ({ spec }) => selectorText(spec.selector), true),
  ],
};
