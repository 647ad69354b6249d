// `authorizer.group('apps').resource('deployments').namespace('x').check('create').allowed()`, in admission only.
import { type Cost, fixed, NOMINAL, TRAVERSAL } from '../costs.ts';
import { declarer, type Overload } from '../declarations.ts';
import { add, exactly, type Range, scale } from '../range.ts';
import { structOf } from '../types.ts';
import { Custom, sizeOf } from '../values.ts';

const name = (kind: string): string => `kubernetes.authorization.${kind}`;
export const AUTHORIZER = structOf(name('Authorizer'));
export const RESOURCE_CHECK = structOf(name('ResourceCheck'));
const PATH_CHECK = structOf(name('PathCheck'));
const GROUP_CHECK = structOf(name('GroupCheck'));
const DECISION = structOf(name('Decision'));

/** What an expression asks. */
export interface AuthorizationQuestion {
  /** Another user than the request's. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  readonly verb: string;
}

export interface AuthorizationAnswer {
  readonly allowed: boolean;
  readonly reason: string;
  readonly error?: string;
}

type Ask = (question: AuthorizationQuestion) => AuthorizationAnswer;
type Kind = typeof AUTHORIZER;

/** A question in the making. */
class Check extends Custom {
  readonly type: Kind;
  readonly ask: Ask;
  readonly question: Omit<AuthorizationQuestion, 'verb'>;
  constructor(type: Kind, ask: Ask, question: Omit<AuthorizationQuestion, 'verb'> = {}) {
    super();
    this.type = type;
    this.ask = ask;
    this.question = question;
  }
  with(type: Kind, more: Partial<AuthorizationQuestion>): Check {
    return new Check(type, this.ask, { ...this.question, ...more });
  }
  equals = (other: Custom): boolean => other instanceof Check && JSON.stringify(other.question) === JSON.stringify(this.question);
}

class Decision extends Custom {
  readonly type = DECISION;
  readonly answer: AuthorizationAnswer;
  constructor(answer: AuthorizationAnswer) {
    super();
    this.answer = answer;
  }
  equals = (other: Custom): boolean => other instanceof Decision && JSON.stringify(other.answer) === JSON.stringify(this.answer);
}

/** The value of the variable `authorizer`. */
export const authorizerValue = (ask: Ask): Custom => new Check(AUTHORIZER, ask);

/** The value of `authorizer.requestResource`. */
export const resourceCheckValue = (ask: Ask, question: Omit<AuthorizationQuestion, 'verb'>): Custom =>
  new Check(RESOURCE_CHECK, ask, question);

const CHECK_COST = fixed(350_000);
/** A selector becomes a list of requirements, one for each two characters. */
const selectorRange = (size: Range): Range => add(exactly(10), add(scale(size, TRAVERSAL), scale(scale(size, 0.5), 50)));
const selector: Cost = {
  estimate: (args) => ({ cost: selectorRange(args[1]!.size) }),
  actual: (args) => selectorRange(exactly(sizeOf(args[1]!))).max,
};

const declare = declarer({ Authorizer: AUTHORIZER, Path: PATH_CHECK, Group: GROUP_CHECK, Resource: RESOURCE_CHECK, Decision: DECISION });
const refine = (key: keyof AuthorizationQuestion, type: Kind) => (check: Check, value: string) => check.with(type, { [key]: value });
const decide = (check: Check, verb: string): Decision => new Decision(check.ask({ ...check.question, verb }));

export const authorizers: readonly Overload[] = [
  declare('Authorizer::path(string) Path', refine('path', PATH_CHECK), NOMINAL),
  declare('Authorizer::group(string) Group', refine('group', GROUP_CHECK), NOMINAL),
  declare(
    'Authorizer::serviceAccount(string, string) Authorizer',
    (check: Check, namespace: string, account: string) => check.with(AUTHORIZER, { serviceAccount: { namespace, name: account } }),
    NOMINAL,
  ),
  declare('Group::resource(string) Resource', refine('resource', RESOURCE_CHECK), NOMINAL),
  declare('Resource::subresource(string) Resource', refine('subresource', RESOURCE_CHECK), NOMINAL),
  declare('Resource::namespace(string) Resource', refine('namespace', RESOURCE_CHECK), NOMINAL),
  declare('Resource::name(string) Resource', refine('name', RESOURCE_CHECK), NOMINAL),
  declare('Resource::fieldSelector(string) Resource', refine('fieldSelector', RESOURCE_CHECK), selector),
  declare('Resource::labelSelector(string) Resource', refine('labelSelector', RESOURCE_CHECK), selector),
  declare('Path::check(string) Decision', decide, CHECK_COST),
  declare('Resource::check(string) Decision', decide, CHECK_COST),
  declare('Decision::errored() bool', (decision: Decision) => decision.answer.error !== undefined, NOMINAL),
  declare('Decision::error() string', (decision: Decision) => decision.answer.error ?? '', NOMINAL),
  declare('Decision::allowed() bool', (decision: Decision) => decision.answer.allowed, NOMINAL),
  declare('Decision::reason() string', (decision: Decision) => decision.answer.reason, NOMINAL),
];
