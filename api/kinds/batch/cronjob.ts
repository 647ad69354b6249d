// batch/v1 CronJob.
import { deepEqual, invalidValue, type KubeObject, notSupported, type Problem, required } from '../../meta/index.ts';
import { ageColumn, boolean, containersColumn, count, imagesColumn, nameColumn, selectorText, since, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { childOf, nonNegative, nonNegativeFields, setDefaults } from '../rules.ts';
import { templateWarnings } from '../template.ts';
import { podNameWarning } from '../workload.ts';
import { defaultJobPods, validateJobSpec } from './job-spec.ts';
import { scheduleProblem } from './schedule.ts';

function defaults(object: KubeObject): void {
  const spec = childOf(object, 'spec');
  setDefaults(spec, { concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 });
  if (spec.jobTemplate?.spec) defaultJobPods(spec.jobTemplate.spec);
}

function validateTimeZone(zone: string): Problem[] {
  const field = 'spec.timeZone';
  if (zone === '') return [invalidValue(field, zone, 'timeZone must be nil or non-empty string')];
  const parts = zone.split('/');
  const odd = (part: string): boolean => part === '.' || part === '..' || part.startsWith('-') || !/^[A-Za-z.\-_0-9+]{1,14}$/.test(part);
  const unknown = invalidValue(field, zone, `unknown time zone ${zone}`);
  if (parts.some(odd)) return [unknown];
  if (zone.toLowerCase() === 'local') {
    const why = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    return zone === 'Local' ? [invalidValue(field, zone, why)] : [invalidValue(field, zone, why), unknown];
  }
  return isTimeZone(zone) ? [] : [unknown];
}

const canonicalZones = new Map(Intl.supportedValuesOf('timeZone').map((zone) => [zone.toLowerCase(), zone]));

/** Names are files to the controller: their case counts. */
function isTimeZone(zone: string): boolean {
  const canonical = canonicalZones.get(zone.toLowerCase());
  if (canonical !== undefined) return canonical === zone;
  if (zone.split('/').some((part) => /^[a-z]/.test(part))) return false;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

function validateSchedule(spec: any, old: any): Problem[] {
  const field = 'spec.schedule';
  const schedule: string = spec.schedule ?? '';
  if (schedule === '') return [required(field)];
  const problems: Problem[] = [];
  const wrong = scheduleProblem(schedule);
  if (wrong !== undefined) problems.push(invalidValue(field, schedule, wrong));
  if (!schedule.includes('TZ')) return problems;
  if (!old?.schedule?.includes('TZ')) {
    problems.push(invalidValue(field, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  } else if (typeof spec.timeZone === 'string') {
    problems.push(invalidValue(field, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
  }
  return problems;
}

const policies = ['Allow', 'Forbid', 'Replace'];

function validate(object: KubeObject, old?: KubeObject): Problem[] {
  const { spec } = object;
  const before = old?.['spec'];
  const problems = [...validateSchedule(spec, before), ...nonNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds)];
  if (typeof spec.timeZone === 'string' && spec.timeZone !== before?.timeZone) problems.push(...validateTimeZone(spec.timeZone));
  if (!spec.concurrencyPolicy) problems.push(required('spec.concurrencyPolicy'));
  else if (!policies.includes(spec.concurrencyPolicy)) {
    problems.push(notSupported('spec.concurrencyPolicy', spec.concurrencyPolicy, policies));
  }
  const job = spec.jobTemplate?.spec ?? {};
  problems.push(...validateJobSpec(job, 'spec.jobTemplate.spec', before?.jobTemplate?.spec?.template));
  if (job.selector) problems.push(invalidValue('spec.jobTemplate.spec.selector', job.selector, '`selector` will be auto-generated'));
  if (job.manualSelector === true) problems.push(notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']));
  problems.push(...nonNegativeFields(spec, 'spec', ['successfulJobsHistoryLimit', 'failedJobsHistoryLimit']));
  // A Job's name is this one and eleven characters more.
  if (!old && (object.metadata.name ?? '').length > 52) {
    problems.push(invalidValue('metadata.name', object.metadata.name, 'must be no more than 52 characters'));
  }
  return problems;
}

const templatePath = 'spec.jobTemplate.spec.template';

export const cronJob: Behaviour = {
  defaults,
  validate,
  warnings: (object, old) => {
    const template = object['spec'].jobTemplate?.spec?.template;
    if (!old) return [...podNameWarning(object), ...templateWarnings(template, templatePath)];
    const warnings = deepEqual(object['spec'], old['spec'])
      ? []
      : templateWarnings(template, templatePath, old['spec'].jobTemplate?.spec?.template);
    if (object['spec'].schedule?.includes('TZ')) {
      const where = 'https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/';
      warnings.push(`cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see ${where} for more details`);
    }
    return warnings;
  },
  columns: [
    nameColumn,
    string('Schedule', ({ spec }) => spec.schedule),
    string('Timezone', ({ spec }) => spec.timeZone ?? '<none>'),
    boolean('Suspend', ({ spec }) => (spec.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False')),
    count('Active', ({ status }) => status?.active?.length),
    string('Last Schedule', ({ status }, nowMs) => (status?.lastScheduleTime ? since(status.lastScheduleTime, nowMs) : '<none>')),
    ageColumn,
    containersColumn(),
    imagesColumn(),
    string('Selector', ({ spec }) => selectorText(spec.jobTemplate?.spec?.selector), true),
  ],
};
