// Behaviours of the kinds of events.k8s.io/v1: stored as events of the core group.
import { invalidValue, type KubeObject, type Problem, required } from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { event } from './core/event.ts';
import type { CoreEvent } from './core/event-form.ts';
import { validateEvent } from './core/event-validate.ts';
import { immutable } from './rules.ts';

/** Names in this group, and in the core group. */
const renamed: Readonly<Record<string, string>> = {
  regarding: 'involvedObject',
  note: 'message',
  reportingController: 'reportingComponent',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
};
const renamedBack = Object.fromEntries(Object.entries(renamed).map(([ours, core]) => [core, ours]));

function rename(object: KubeObject, names: Readonly<Record<string, string>>, apiVersion: string): KubeObject {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object)) result[names[key] ?? key] = value;
  return { ...result, apiVersion } as KubeObject;
}

const toCore = (object: KubeObject): KubeObject => rename(object, renamed, 'v1');

/** Texts that the core group writes even when they are empty are left out here. */
function fromCore(object: KubeObject): KubeObject {
  const result = rename(object, renamedBack, 'events.k8s.io/v1');
  for (const name of ['reportingController', 'reportingInstance']) if (result[name] === '') delete result[name];
  return result;
}

const unset = (field: string, value: unknown): Problem[] =>
  value === undefined || value === null || value === 0 || value === '' ? [] : [invalidValue(field, '', 'needs to be unset')];

function validateSeries(series: any): Problem[] {
  if (!series) return [];
  const problems: Problem[] = [];
  if ((series.count ?? 0) < 2) problems.push(invalidValue('series.count', '', 'should be at least 2'));
  if (!series.lastObservedTime) problems.push(required('series.lastObservedTime'));
  return problems;
}

function validate(object: KubeObject, old?: KubeObject): Problem[] {
  const core = toCore(object);
  const problems = validateEvent(core as unknown as CoreEvent, 'reportingController');
  if (old)
    return [...problems, ...(JSON.stringify(object['series']) === JSON.stringify(old['series']) ? [] : validateSeries(object['series']))];
  problems.push(...validateSeries(core['series']));
  if (!core['eventTime']) problems.push(required('eventTime'));
  if (core['type'] !== 'Normal' && core['type'] !== 'Warning') {
    problems.push(invalidValue('type', '', `has invalid value: ${core['type'] ?? ''}`));
  }
  problems.push(...unset('firstTimestamp', core['firstTimestamp']), ...unset('lastTimestamp', core['lastTimestamp']));
  problems.push(...unset('count', core['count']));
  return [...problems, ...unset('source', core['source']?.component || core['source']?.host)];
}

const fixed = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingController',
  'reportingInstance',
];

/** Only the series may go on. Fields are named as in the core group, but for the controller. */
function validateUpdate(object: KubeObject, old: KubeObject): Problem[] {
  const [now, before] = [toCore(object), toCore(old)];
  return fixed.flatMap((name) => {
    const key = renamed[name] ?? name;
    return immutable(name, now[key], before[key]);
  });
}

const regarding = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

export const events: Behaviours = {
  Event: {
    createOnUpdate: true,
    ttlSeconds: event.ttlSeconds!,
    validate,
    validateUpdate,
    fieldSelectors: {
      reason: (object) => object['reason'] ?? '',
      reportingController: (object) => object['reportingController'] ?? '',
      type: (object) => object['type'] ?? '',
      ...Object.fromEntries(regarding.map((name) => [`regarding.${name}`, (object: KubeObject) => object['regarding']?.[name] ?? ''])),
    },
    columns: event.columns!.map((column) => ({ ...column, of: (object, nowMs) => column.of(toCore(object), nowMs) })),
    storage: { group: '', version: 'v1', toStored: toCore, fromStored: fromCore },
  },
};
