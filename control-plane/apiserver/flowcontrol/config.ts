// What FlowSchemas and PriorityLevelConfigurations say, made ready for use: schemas in matching order, levels with their seats. Pure.
import { flowControlObjects, isMandatoryFlow } from '../../../api/kinds/index.ts';
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

const mandatory = (kind: string): KubeObject[] => flowControlObjects.filter((object) => object.kind === kind && isMandatoryFlow(object));
const MANDATORY_LEVELS = mandatory('PriorityLevelConfiguration');
const MANDATORY_SCHEMAS = mandatory('FlowSchema');

const withMandatory = (found: readonly KubeObject[], needed: readonly KubeObject[]): KubeObject[] => [
  ...found,
  ...needed.filter(({ metadata }) => !found.some((one) => one.metadata.name === metadata.name)),
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
