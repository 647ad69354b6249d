// What a Job's status may be and become: the controller's promises, kept by the server.
import { duplicate, invalidValue, type KubeObject, type Problem, required, semanticEqual } from '../../meta/index.ts';
import { nonNegativeFields } from '../rules.ts';
import { countIndexes, firstOverlap } from './indexes.ts';

const has = (object: KubeObject, type: string, status = 'True'): boolean =>
  (object['status']?.conditions ?? []).some((condition: any) => condition.type === type && condition.status === status);

const finished = (object: KubeObject): boolean => has(object, 'Complete') || has(object, 'Failed');

const conditionsProblem = (text: string): Problem => ({
  field: 'status.conditions',
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${text}`,
});

function validateUncounted(uncounted: any): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const list of ['succeeded', 'failed']) {
    (uncounted?.[list] ?? []).forEach((uid: string, i: number) => {
      const field = `status.uncountedTerminatedPods.${list}[${i}]`;
      if (!uid) problems.push(invalidValue(field, uid, 'must not be empty'));
      else if (seen.has(uid)) problems.push(duplicate(field, uid));
      else seen.add(uid);
    });
  }
  return problems;
}

/** Rules about conditions; each applies when a part that it speaks of has changed. */
function validateConditions(job: KubeObject, old: KubeObject): Problem[] {
  const problems: Problem[] = [];
  const changed = (type: string): boolean => has(job, type) !== has(old, type);
  const [complete, failed, target, met] = ['Complete', 'Failed', 'FailureTarget', 'SuccessCriteriaMet'].map((type) => has(job, type));
  const refuse = (when: boolean | undefined, text: string): void => {
    if (when) problems.push(conditionsProblem(text));
  };
  const failedIndexesChanged = job['status']?.failedIndexes !== old['status']?.failedIndexes;
  refuse((changed('Complete') || changed('Failed')) && complete && failed, 'cannot set Complete=True and Failed=true conditions');
  refuse(
    (changed('Complete') || changed('FailureTarget')) && complete && target,
    'cannot set Complete=True and FailureTarget=true conditions',
  );
  refuse(
    (changed('Failed') || failedIndexesChanged) && failed && !target,
    'cannot set Failed=True condition without the FailureTarget=true condition',
  );
  refuse(
    (changed('Complete') || changed('SuccessCriteriaMet')) && complete && !met,
    'cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
  );
  refuse(met && failed, 'cannot set SuccessCriteriaMet=True and Failed=true conditions');
  refuse(met && target, 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
  refuse(
    job['spec'].successPolicy && !met && complete,
    'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True',
  );
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    refuse(has(old, type) && !has(job, type), `cannot disable the terminal ${type}=True condition`);
  }
  refuse(has(old, 'SuccessCriteriaMet') && !met, 'cannot disable the SuccessCriteriaMet=True condition');
  refuse(
    has(old, 'Complete') && !has(old, 'SuccessCriteriaMet') && met,
    'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions',
  );
  return problems;
}

function validateTimes(job: KubeObject, old: KubeObject): Problem[] {
  const problems: Problem[] = [];
  const status = job['status'] ?? {};
  const before = old['status'] ?? {};
  const { startTime, completionTime } = status;
  const complete = has(job, 'Complete');
  const completeChanged = complete !== has(old, 'Complete');
  const startChanged = startTime !== before.startTime;
  const completionChanged = completionTime !== before.completionTime;
  if (completeChanged || completionChanged) {
    const field = 'status.completionTime';
    if (completionTime && !complete) {
      problems.push(invalidValue(field, completionTime, 'cannot set completionTime when there is no Complete=True condition'));
    }
    if (!completionTime && complete) problems.push(required(field, 'completionTime is required for Complete jobs'));
  }
  if ((startChanged || completionChanged) && startTime && completionTime && Date.parse(completionTime) < Date.parse(startTime)) {
    problems.push(invalidValue('status.completionTime', completionTime, 'must be equal to or after `startTime`'));
  }
  const suspendedAtNothing = job['spec'].suspend === true && job['spec'].completions === 0;
  if ((finished(job) !== finished(old) || startChanged) && !suspendedAtNothing && !startTime && finished(job)) {
    problems.push(required('status.startTime', 'startTime is required for finished job'));
  }
  if (completionTime && before.completionTime && completionChanged) {
    problems.push(invalidValue('status.completionTime', completionTime, 'field is immutable'));
  }
  const resuming = has(old, 'Suspended') && has(job, 'Suspended', 'False');
  if (startChanged && !resuming && before.startTime && job['spec'].suspend !== true) {
    problems.push(invalidValue('status.startTime', startTime, 'field is immutable for unsuspended job once set'));
  }
  return problems;
}

function validateCounts(job: KubeObject, old: KubeObject): Problem[] {
  const problems: Problem[] = [];
  const status = job['status'] ?? {};
  const before = old['status'] ?? {};
  const end = finished(job);
  const endChanged = end !== finished(old);
  const differs = (name: string): boolean => !semanticEqual(status[name], before[name]);
  if ((endChanged || differs('active')) && (status.active ?? 0) > 0 && end) {
    problems.push(invalidValue('status.active', status.active, 'active>0 is invalid for finished job'));
  }
  const uncounted = status.uncountedTerminatedPods;
  const left = (uncounted?.failed?.length ?? 0) + (uncounted?.succeeded?.length ?? 0);
  if ((endChanged || differs('uncountedTerminatedPods')) && end && left > 0) {
    problems.push(invalidValue('status.uncountedTerminatedPods', uncounted, 'must be empty for finished job'));
  }
  if ((endChanged || differs('terminating')) && (status.terminating ?? 0) > 0 && end) {
    problems.push(invalidValue('status.terminating', status.terminating, 'terminating>0 is invalid for finished job'));
  }
  if ((differs('ready') || differs('active')) && (status.ready ?? 0) > (status.active ?? 0)) {
    problems.push(invalidValue('status.ready', status.ready, 'cannot set more ready pods than active'));
  }
  if ((status.failed ?? 0) < (before.failed ?? 0)) {
    problems.push(invalidValue('status.failed', status.failed ?? 0, 'cannot decrease the failed counter'));
  }
  const elastic = job['spec'].completionMode === 'Indexed' && job['spec'].completions === job['spec'].parallelism;
  if (!elastic && (status.succeeded ?? 0) < (before.succeeded ?? 0)) {
    problems.push(invalidValue('status.succeeded', status.succeeded ?? 0, 'cannot decrease the succeeded counter'));
  }
  return problems;
}

function validateIndexes(job: KubeObject, old: KubeObject): Problem[] {
  const problems: Problem[] = [];
  const { completedIndexes = '', failedIndexes } = job['status'] ?? {};
  const { completions, backoffLimitPerIndex, completionMode } = job['spec'];
  const completedChanged = completedIndexes !== (old['status']?.completedIndexes ?? '');
  const failedChanged = failedIndexes !== old['status']?.failedIndexes;
  const perIndex = typeof backoffLimitPerIndex === 'number';
  const check = (name: string, text: string): void => {
    const counted = countIndexes(text, completions);
    if (typeof counted !== 'number') problems.push(invalidValue(`status.${name}`, text, `error parsing ${name}: ${counted.problem}`));
  };
  if (completedChanged && typeof completions === 'number') check('completedIndexes', completedIndexes);
  if (failedChanged && typeof completions === 'number' && perIndex && failedIndexes !== undefined) check('failedIndexes', failedIndexes);
  if (completedChanged && completedIndexes !== '' && completionMode !== 'Indexed') {
    const why = 'cannot set non-empty completedIndexes when non-indexed completion mode';
    problems.push(invalidValue('status.completedIndexes', completedIndexes, why));
  }
  if (failedChanged && !perIndex && failedIndexes !== undefined) {
    const why = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null';
    problems.push(invalidValue('status.failedIndexes', failedIndexes, why));
  }
  if ((failedChanged || completedChanged) && typeof completions === 'number' && failedIndexes && completedIndexes) {
    const overlap = firstOverlap(completedIndexes, failedIndexes, completions);
    if (overlap !== undefined) {
      problems.push(invalidValue('status.failedIndexes', failedIndexes, `failedIndexes and completedIndexes overlap at index: ${overlap}`));
    }
  }
  return problems;
}

export function validateJobStatus(job: KubeObject, old: KubeObject): Problem[] {
  return [
    ...nonNegativeFields(job['status'], 'status', ['active', 'succeeded', 'failed', 'ready', 'terminating']),
    ...validateUncounted(job['status']?.uncountedTerminatedPods),
    ...validateTimes(job, old),
    ...validateConditions(job, old),
    ...validateCounts(job, old),
    ...validateIndexes(job, old),
  ];
}
