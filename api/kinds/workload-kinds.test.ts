// Workload kinds: defaults, what they refuse, what may not change.
import { describe, expect, test } from 'vitest';
import { deepCopy, type KubeObject } from '../meta/index.ts';
import { kindByGvk } from './index.ts';

const kind = (group: string, name: string) => kindByGvk(group, 'v1', name)!;
const template = () => ({ metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } });

function made(group: string, name: string, spec: Record<string, unknown>): KubeObject {
  const object: KubeObject = { apiVersion: `${group}/v1`, kind: name, metadata: { name: 'x', namespace: 'n', uid: 'u' }, spec };
  kind(group, name).defaults?.(object);
  kind(group, name).prepareForCreate?.(object);
  return object;
}

const lines = (object: KubeObject, old?: KubeObject): string[] => {
  const { validate, validateUpdate } = kind(object.apiVersion!.split('/')[0]!, object.kind!);
  const problems = [...(validate?.(object, old) ?? []), ...(old ? (validateUpdate?.(object, old) ?? []) : [])];
  return problems.map(({ field, message }) => `${field}: ${message}`);
};

describe('Deployment', () => {
  const deployment = (spec: Record<string, unknown> = {}) =>
    made('apps', 'Deployment', { selector: { matchLabels: { app: 'a' } }, template: template(), ...spec });

  test('defaults', () => {
    expect(deployment()['spec']).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
    });
    expect(lines(deployment())).toEqual([]);
  });

  test.each([
    [{ replicas: -1 }, 'spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    [{ selector: {} }, 'spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
    [
      { selector: { matchLabels: { app: 'b' } } },
      'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    ],
    [
      { strategy: { type: 'Rolling' } },
      'spec.strategy: Unsupported value: {"Type":"Rolling","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
    ],
    [
      { strategy: { rollingUpdate: { maxUnavailable: '0%', maxSurge: 0 } } },
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
    ],
    [
      { minReadySeconds: 10, progressDeadlineSeconds: 10 },
      'spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds',
    ],
  ])('%j is refused', (spec, line) => {
    expect(lines(deployment(spec))).toEqual([line]);
  });

  test('the selector stays', () => {
    const changed = deepCopy(deployment());
    changed['spec'].selector.matchLabels.app = 'b';
    changed['spec'].template.metadata.labels.app = 'b';
    expect(lines(changed, deployment())).toEqual(['spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable']);
  });
});

describe('StatefulSet', () => {
  test('only some of its spec may change', () => {
    const old = made('apps', 'StatefulSet', { selector: { matchLabels: { app: 'a' } }, template: template(), serviceName: 's' });
    const scaled = deepCopy(old);
    scaled['spec'].replicas = 5;
    expect(lines(scaled, old)).toEqual([]);
    const renamed = deepCopy(old);
    renamed['spec'].serviceName = 't';
    expect(lines(renamed, old)[0]).toMatch(/^spec: Forbidden: updates to statefulset spec for fields other than/);
  });
});

describe('Job', () => {
  const job = (spec: Record<string, unknown> = {}) => {
    const pods = template();
    return made('batch', 'Job', { template: { ...pods, spec: { ...pods.spec, restartPolicy: 'Never' } }, ...spec });
  };

  test('its selector is made from its uid', () => {
    const object = job();
    expect(object['spec'].selector).toEqual({ matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } });
    expect(object['spec'].template.metadata.labels).toMatchObject({ 'job-name': 'x', 'batch.kubernetes.io/controller-uid': 'u' });
    expect(object.metadata.labels).toEqual({ app: 'a' });
    expect(lines(object)).toEqual([]);
  });

  test('the template may change while it rests, in what places pods', () => {
    const old = job({ suspend: true });
    const moved = deepCopy(old);
    moved['spec'].template.spec.nodeSelector = { disk: 'ssd' };
    expect(lines(moved, old)).toEqual([]);
    const started = { ...old, spec: { ...old['spec'], suspend: false } };
    expect(lines({ ...moved, spec: { ...moved['spec'], suspend: false } }, started)[0]).toMatch(/^spec.template: Invalid value/);
  });

  test('conditions follow each other', () => {
    const status = (conditions: string[], rest = {}) => ({
      ...job(),
      status: { startTime: '2020-01-01T00:00:00Z', conditions: conditions.map((type) => ({ type, status: 'True' })), ...rest },
    });
    const check = kind('batch', 'Job').validateSubresource!['status']!;
    expect(check(status(['Failed']), status([])).map(({ message }) => message)).toEqual([
      'Invalid value: cannot set Failed=True condition without the FailureTarget=true condition',
    ]);
    const done = status(['SuccessCriteriaMet', 'Complete'], { completionTime: '2020-01-01T00:00:01Z' });
    expect(check(done, status(['SuccessCriteriaMet']))).toEqual([]);
  });
});

describe('CronJob', () => {
  const wrong = (spec: Record<string, unknown>) =>
    lines(
      made('batch', 'CronJob', { jobTemplate: { spec: { template: { spec: { ...template().spec, restartPolicy: 'Never' } } } }, ...spec }),
    );
  test.each([
    ['*/5 * * * *', []],
    ['@every 1h30m', []],
    ['0 9-17/2 1,15 JAN-MAR mon', []],
    ['bad', ['spec.schedule: Invalid value: "bad": expected exactly 5 fields, found 1: [bad]']],
    ['60 * * * *', ['spec.schedule: Invalid value: "60 * * * *": end of range (60) above maximum (59): 60']],
  ])('%s', (schedule, problems) => {
    expect(wrong({ schedule })).toEqual(problems);
  });
  test('time zones are case-sensitive', () => {
    expect(wrong({ schedule: '@daily', timeZone: 'Europe/Berlin' })).toEqual([]);
    expect(wrong({ schedule: '@daily', timeZone: 'europe/berlin' })).toHaveLength(1);
  });
});
