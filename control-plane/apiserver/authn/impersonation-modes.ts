// The ways to act as somebody else, in the order in which they are tried: first those that are granted for single actions (KEP-5284),
// at last the verb `impersonate`, which is good for every action.
import { domainPrefixedPath } from '../../../api/kinds/index.ts';
import { dns1123Subdomain, goQuote } from '../../../api/meta/index.ts';
import { BoundedMap } from '../../../kit/run/index.ts';
import { type Authorizer, MASTERS, NODE_PREFIX, NODES_GROUP, type Question, refusal } from '../authz/index.ts';
import type { UserInfo } from '../request.ts';
import { AUTHENTICATED } from './authenticator.ts';
import { parseServiceAccountUserName, serviceAccountGroups } from './service-account-token.ts';

/** Whom somebody wants to act as, as the headers say it. */
export interface Wanted {
  user: string;
  uid: string;
  groups: readonly string[];
  extra: Readonly<Record<string, readonly string[]>>;
}

export interface Impersonation {
  user: UserInfo;
  /** The verb of the mode that allowed it; undefined for `impersonate`. */
  constraint?: string;
}

interface Mode {
  /** Of what is granted for single actions. */
  name?: string;
  /** Whether it is for such users and such askers. */
  takes(wanted: Wanted, asker: UserInfo): boolean;
  /** As whom the authorizer is asked, and about which name; default the asker himself and the wanted one. */
  asks?: (asker: UserInfo) => { user: UserInfo; name: string };
}

const ANONYMOUS = 'system:anonymous';
const UNAUTHENTICATED = 'system:unauthenticated';
const NODE_OF_ASKER = 'authentication.kubernetes.io/node-name';
/** So many values are asked for as one with `*` before each is asked for. */
const MANY = 4;

function nodeOf(user: string): string | undefined {
  const name = user.startsWith(NODE_PREFIX) ? user.slice(NODE_PREFIX.length) : '';
  return name !== '' && dns1123Subdomain(name).length === 0 ? name : undefined;
}

const namesUserOnly = ({ uid, groups, extra }: Wanted): boolean => uid === '' && groups.length === 0 && Object.keys(extra).length === 0;

/** The list is the documentation. */
const MODES: readonly Mode[] = [
  {
    name: 'associated-node',
    // A service account whose token is bound to a pod of that very node.
    takes(wanted, { name, extra }) {
      const node = nodeOf(wanted.user);
      const own = extra?.[NODE_OF_ASKER];
      return node !== undefined && namesUserOnly(wanted) && !!parseServiceAccountUserName(name) && own?.length === 1 && own[0] === node;
    },
    asks: (asker) => ({
      user: { ...asker, extra: { 'authentication.kubernetes.io/associated-node-keys': Object.keys(asker.extra ?? {}).sort() } },
      name: '*',
    }),
  },
  { name: 'arbitrary-node', takes: (wanted) => namesUserOnly(wanted) && nodeOf(wanted.user) !== undefined },
  { name: 'serviceaccount', takes: (wanted) => namesUserOnly(wanted) && !!parseServiceAccountUserName(wanted.user) },
  { name: 'user-info', takes: ({ user }) => nodeOf(user) === undefined && !parseServiceAccountUserName(user) },
  { takes: () => true }, // `impersonate`
];

/** Tells by exception, as the first that refuses is whom the asker hears of. */
class Check {
  readonly #authorizer: Authorizer;
  readonly #user: UserInfo;
  readonly #verb: string;
  readonly #constrained: boolean;

  constructor(authorizer: Authorizer, user: UserInfo, mode: string | undefined) {
    this.#authorizer = authorizer;
    this.#user = user;
    this.#verb = mode === undefined ? 'impersonate' : `impersonate:${mode}`;
    this.#constrained = mode !== undefined;
  }

  #question(group: string, resource: string, name: string, subresource = '', namespace = ''): Question {
    const version = 'v1';
    return { user: this.#user, verb: this.#verb, group, version, resource, subresource, namespace, name, path: '', isResource: true };
  }

  #holds(question: Question): boolean {
    return this.#authorizer.authorize(question).allowed;
  }

  #require(question: Question): void {
    const { allowed, reason } = this.#authorizer.authorize(question);
    if (!allowed) throw refusal(question, reason);
  }

  /** @throws StatusError 403 */
  all({ user, uid, groups, extra }: Wanted, name: string | undefined): void {
    // Of old, users and groups are of the core group.
    const group = this.#constrained ? 'authentication.k8s.io' : '';
    this.#require(this.#userQuestion(group, user, name));
    if (uid !== '') this.#require(this.#question('authentication.k8s.io', 'uids', uid));
    this.#groups(group, groups);
    this.#extra(extra);
  }

  #userQuestion(group: string, user: string, name: string | undefined): Question {
    const node = this.#constrained ? nodeOf(user) : undefined;
    if (node !== undefined) return this.#question(group, 'nodes', name ?? node);
    const account = parseServiceAccountUserName(user);
    return account ? this.#question(group, 'serviceaccounts', account.name, '', account.namespace) : this.#question(group, 'users', user);
  }

  #groups(group: string, names: readonly string[]): void {
    const about = (name: string) => this.#question(group, 'groups', name);
    if (this.#constrained) {
      if (names.includes('')) throw refusal(about(''), 'impersonating the empty string group is not allowed');
      if (names.includes(MASTERS)) throw refusal(about(MASTERS), 'impersonating the system:masters group is not allowed');
      if (names.length >= MANY && this.#holds(about('*'))) return;
    }
    for (const name of names) this.#require(about(name));
  }

  #extra(extra: Wanted['extra']): void {
    const about = (key: string, value: string) => this.#question('authentication.k8s.io', 'userextras', value, key);
    const values = Object.values(extra).flat();
    if (this.#constrained) {
      const problem = extraProblem(extra);
      if (problem) throw refusal(about('', ''), problem);
      if (Math.max(values.length, Object.keys(extra).length) >= MANY && this.#holds(about('*', '*'))) return;
    }
    for (const [key, all] of Object.entries(extra)) for (const value of all) this.#require(about(key, value));
  }
}

function extraProblem(extra: Wanted['extra']): string | undefined {
  for (const [key, values] of Object.entries(extra)) {
    if (key === '') return 'impersonating the empty string key in extra is not allowed';
    const problems = domainPrefixedPath('extra.key', key).map(({ field, message }) => `${field}: ${message}`);
    const texts = problems.length > 1 ? `[${problems.join(', ')}]` : problems[0];
    if (texts !== undefined) return `impersonating an invalid key in extra is not allowed: ${texts}`;
    if (key !== key.toLowerCase()) return `impersonating a non-lowercase key in extra is not allowed: ${goQuote(key)}`;
    if (values.includes('')) return 'impersonating the empty string value in extra is not allowed';
  }
  return undefined;
}

/** Who the request acts as: groups of nodes and of service accounts are implied, and everyone but system:anonymous is authenticated. */
function userOf({ user, uid, groups, extra }: Wanted, constrained: boolean): UserInfo {
  const account = groups.length === 0 ? parseServiceAccountUserName(user) : undefined;
  const all = account ? serviceAccountGroups(account.namespace) : constrained && nodeOf(user) !== undefined ? [NODES_GROUP] : [...groups];
  const implied = user === ANONYMOUS ? UNAUTHENTICATED : AUTHENTICATED;
  if (!all.includes(implied) && !all.includes(UNAUTHENTICATED)) all.push(implied);
  const copied = Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]));
  return { name: user, groups: all, ...(uid ? { uid } : {}), ...(Object.keys(copied).length > 0 ? { extra: copied } : {}) };
}

/** So many askers are remembered (as upstream). */
const ASKERS_MAX = 10_000;

/** Decides as whom a request is done. */
export class Impersonations {
  readonly #authorizer: Authorizer;
  /** How each asker did it last. Tried first, as upstream does: the verb of old costs no more than it did, and goes on to add no groups. */
  readonly #last = new BoundedMap<string, Mode>(ASKERS_MAX);

  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  /** `request`: what the asker wants to do then. @throws StatusError 403 of the first mode that could have allowed it */
  decide(wanted: Wanted, request: Question): Impersonation {
    const asker = request.user;
    const last = this.#last.get(asker.name);
    const ordered = last ? [last, ...MODES.filter((mode) => mode !== last)] : MODES;
    let refused: unknown;
    for (const mode of ordered) {
      if (!mode.takes(wanted, asker)) continue;
      try {
        const impersonation = this.#through(mode, wanted, request);
        this.#last.set(asker.name, mode);
        return impersonation;
      } catch (error) {
        refused ??= error;
      }
    }
    throw refused;
  }

  /** @throws StatusError 403 */
  #through({ name, asks }: Mode, wanted: Wanted, request: Question): Impersonation {
    const { user, name: asked } = asks?.(request.user) ?? { user: request.user, name: undefined };
    if (name !== undefined) {
      const on = { ...request, user, verb: `impersonate-on:${name}:${request.verb}` };
      const { allowed, reason } = this.#authorizer.authorize(on);
      if (!allowed) throw refusal(on, reason);
    }
    new Check(this.#authorizer, user, name).all(wanted, asked);
    return { user: userOf(wanted, name !== undefined), ...(name === undefined ? {} : { constraint: `impersonate:${name}` }) };
  }
}
