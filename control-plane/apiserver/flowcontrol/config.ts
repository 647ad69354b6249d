// What FlowSchemas and PriorityLevelConfigurations say, made ready for use: schemas in matching order, levels with their seats. Pure.
import type { KubeObject } from '../../../api/meta/index.ts';
import type { RequestInfo, UserInfo } from '../request.ts';
import { matcherOf, type Rule } from './match.ts';

export interface Schema {
  readonly name: string;
  readonly uid: string;
  readonly level: string;
  matches(info: RequestInfo, user: UserInfo): boolean;
  /** Which of the schema's flows a request belongs to. */
  flowOf(info: RequestInfo, user: UserInfo): string;
}

export interface LevelConfig {
  readonly name: string;
  readonly uid: string;
  readonly exempt: boolean;
  /** Seats of its own, of which others may use `lendable`; it may use `borrowing` more. */
  readonly nominal: number;
  readonly lendable: number;
  readonly borrowing: number;
  /** None: what finds no seat is refused. */
  readonly queuing?: { readonly queues: number; readonly handSize: number; readonly lengthMax: number };
}

export interface FlowConfig {
  readonly schemas: readonly Schema[];
  readonly levels: ReadonlyMap<string, LevelConfig>;
}

/** Without these two no request would have a place; a cluster cannot be without them. */
const MANDATORY_LEVELS: readonly KubeObject[] = [
  { metadata: { name: 'exempt' }, spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } } },
  {
    metadata: { name: 'catch-all' },
    spec: { type: 'Limited', limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } } },
  },
];

const everything = [
  { resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }] },
  { nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] },
];
const group = (name: string) => ({ kind: 'Group', group: { name } });
const schema = (name: string, precedence: number, distinguisher: object | undefined, groups: readonly string[]): KubeObject => ({
  metadata: { name },
  spec: {
    priorityLevelConfiguration: { name },
    matchingPrecedence: precedence,
    ...(distinguisher ? { distinguisherMethod: distinguisher } : {}),
    rules: everything.map((rule) => ({ ...rule, subjects: groups.map(group) })),
  },
});
const MANDATORY_SCHEMAS: readonly KubeObject[] = [
  schema('exempt', 1, undefined, ['system:masters']),
  schema('catch-all', 10_000, { type: 'ByUser' }, ['system:unauthenticated', 'system:authenticated']),
];

const withMandatory = (found: readonly KubeObject[], mandatory: readonly KubeObject[]): KubeObject[] => [
  ...found,
  ...mandatory.filter(({ metadata }) => !found.some((one) => one.metadata.name === metadata.name)),
];

/** `seats`: of the whole server, shared out by the levels' shares. A schema whose level is missing counts for nothing. */
export function flowConfig(schemas: readonly KubeObject[], levels: readonly KubeObject[], seats: number): FlowConfig {
  const all = withMandatory(levels, MANDATORY_LEVELS);
  const sharesOf = ({ spec }: KubeObject): number => (spec.limited ?? spec.exempt)?.nominalConcurrencyShares ?? (spec.limited ? 30 : 0);
  const sum = all.reduce((total, level) => total + sharesOf(level), 0);
  const nominalOf = (level: KubeObject) => Math.ceil((seats * sharesOf(level)) / Math.max(1, sum));
  const built = new Map(all.map((level) => [level.metadata.name!, levelOf(level, nominalOf(level), seats)]));
  const sorted = withMandatory(schemas, MANDATORY_SCHEMAS)
    .filter(({ spec }) => built.has(spec?.priorityLevelConfiguration?.name))
    .sort((a, b) => precedenceOf(a) - precedenceOf(b) || (a.metadata.name! < b.metadata.name! ? -1 : 1));
  return { schemas: sorted.map(schemaOf), levels: built };
}

const precedenceOf = ({ spec }: KubeObject): number => spec.matchingPrecedence ?? 1000;

function levelOf({ metadata, spec }: KubeObject, nominal: number, seats: number): LevelConfig {
  const { limited } = spec;
  const percent = (limited ?? spec.exempt)?.lendablePercent ?? 0;
  const queuing = limited?.limitResponse?.type === 'Queue' ? (limited.limitResponse.queuing ?? {}) : undefined;
  const borrowing = limited?.borrowingLimitPercent;
  return {
    name: metadata.name!,
    uid: metadata.uid ?? '',
    exempt: spec.type === 'Exempt',
    nominal,
    lendable: Math.round((nominal * percent) / 100),
    borrowing: borrowing === undefined || borrowing === null ? seats : Math.round((nominal * borrowing) / 100),
    ...(queuing
      ? {
          queuing: {
            queues: queuing.queues ?? 64,
            handSize: Math.min(queuing.handSize ?? 8, queuing.queues ?? 64),
            lengthMax: queuing.queueLengthLimit ?? 50,
          },
        }
      : {}),
  };
}

function schemaOf({ metadata, spec }: KubeObject): Schema {
  const by = spec.distinguisherMethod?.type;
  return {
    name: metadata.name!,
    uid: metadata.uid ?? '',
    level: spec.priorityLevelConfiguration.name,
    matches: matcherOf((spec.rules ?? []) as Rule[]),
    flowOf: (info, user) => (by === 'ByUser' ? user.name : by === 'ByNamespace' ? info.namespace : ''),
  };
}
