// Behaviours of the kinds of flowcontrol.apiserver.k8s.io/v1.
import { invalidValue, type KubeObject, notSupported, type Problem, required } from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, nameColumn, string } from './columns.ts';
import { validateLevel } from './flowcontrol/levels.ts';
import { validateRule } from './flowcontrol/rules.ts';
import { childOf, setDefaults } from './rules.ts';

function validateSchema({ metadata, spec = {} }: KubeObject): Problem[] {
  const problems: Problem[] = [];
  const precedence = spec.matchingPrecedence;
  if (precedence <= 0 || precedence > 10_000) {
    problems.push(invalidValue('spec.matchingPrecedence', precedence, 'must be between 1 and 10000'));
  } else if (precedence === 1 && metadata.name !== 'exempt') {
    problems.push(invalidValue('spec.matchingPrecedence', precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  }
  const type = spec.distinguisherMethod?.type;
  if (spec.distinguisherMethod && type !== 'ByUser' && type !== 'ByNamespace') {
    problems.push(notSupported('spec.distinguisherMethod.type', type ?? '', ['ByNamespace', 'ByUser']));
  }
  if (!spec.priorityLevelConfiguration?.name) {
    problems.push(required('spec.priorityLevelConfiguration.name', 'must reference a priority level'));
  }
  return [...problems, ...(spec.rules ?? []).flatMap((rule: any, i: number) => validateRule(rule, `spec.rules[${i}]`))];
}

function defaultLevel(object: KubeObject): void {
  const spec = childOf(object, 'spec');
  if (spec.type === 'Exempt') setDefaults(childOf(spec, 'exempt'), { nominalConcurrencyShares: 0, lendablePercent: 0 });
  const { limited } = spec;
  if (!limited) return;
  setDefaults(limited, { nominalConcurrencyShares: 30, lendablePercent: 0 });
  const queuing = limited.limitResponse?.queuing;
  if (queuing) setDefaults(queuing, { queues: 64, handSize: 8, queueLengthLimit: 50 });
}

const shown = (value: unknown): string => String(value ?? '<none>');

export const flowcontrol: Behaviours = {
  FlowSchema: {
    defaults: (object) => setDefaults(childOf(object, 'spec'), { matchingPrecedence: 1000 }),
    validate: validateSchema,
    columns: [
      nameColumn,
      string('PriorityLevel', ({ spec }) => shown(spec?.priorityLevelConfiguration?.name)),
      string('MatchingPrecedence', ({ spec }) => spec?.matchingPrecedence ?? 0),
      string('DistinguisherMethod', ({ spec }) => shown(spec?.distinguisherMethod?.type)),
      ageColumn,
      string('MissingPL', ({ status }) => (status?.conditions ?? []).find(({ type }: any) => type === 'Dangling')?.status ?? '?'),
    ],
  },
  PriorityLevelConfiguration: {
    defaults: defaultLevel,
    validate: validateLevel,
    columns: [
      nameColumn,
      string('Type', ({ spec }) => spec?.type ?? ''),
      string('NominalConcurrencyShares', ({ spec }) => shown(spec?.limited?.nominalConcurrencyShares)),
      string('Queues', ({ spec }) => shown(spec?.limited?.limitResponse?.queuing?.queues)),
      string('HandSize', ({ spec }) => shown(spec?.limited?.limitResponse?.queuing?.handSize)),
      string('QueueLengthLimit', ({ spec }) => shown(spec?.limited?.limitResponse?.queuing?.queueLengthLimit)),
      ageColumn,
    ],
  },
};
