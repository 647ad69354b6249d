// Whom bindings name. Cluster-wide ones are kept by subject: every request asks which of them name its user.
import type { KubeObject } from '../../../api/meta/index.ts';
import { parseServiceAccountUserName, serviceAccountUserName } from '../authn/service-account-token.ts';
import type { UserInfo } from '../request.ts';

export interface Subject {
  kind: string;
  name: string;
  namespace?: string;
}

/** A binding that names the user, and as whom. */
export interface Named {
  readonly binding: KubeObject;
  readonly subject: Subject;
}

export const subjectsOf = (binding: KubeObject): readonly Subject[] => (binding['subjects'] ?? []) as Subject[];

export function subjectMatches(subject: Subject, user: UserInfo, bindingNamespace: string): boolean {
  if (subject.kind === 'User') return subject.name === user.name;
  if (subject.kind === 'Group') return user.groups.includes(subject.name);
  if (subject.kind !== 'ServiceAccount') return false;
  const account = parseServiceAccountUserName(user.name);
  return account?.name === subject.name && account.namespace === (subject.namespace || bindingNamespace);
}

export function subjectText(subject: Subject, namespace: string): string {
  const name = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  return `${subject.kind} ${JSON.stringify(name)}`;
}

const groupKey = (name: string): string => `group ${name}`;
const userKey = (name: string): string => `user ${name}`;

function keyOf({ kind, name, namespace }: Subject): string | undefined {
  if (kind === 'Group') return groupKey(name);
  if (kind === 'User') return userKey(name);
  return kind === 'ServiceAccount' && namespace ? userKey(serviceAccountUserName(namespace, name)) : undefined;
}

interface Place extends Named {
  /** Among all bindings, and among the subjects of its own: the first that names somebody is told as the reason. */
  readonly at: number;
  readonly of: number;
}

export class ClusterSubjects {
  readonly #places = new Map<string, Place[]>();
  /** Of users that come again: those of in-process clients. */
  readonly #known = new WeakMap<UserInfo, Named[]>();

  constructor(bindings: readonly KubeObject[]) {
    bindings.forEach((binding, at) => {
      subjectsOf(binding).forEach((subject, of) => {
        const key = keyOf(subject);
        if (key === undefined) return;
        const places = this.#places.get(key);
        if (places) places.push({ binding, subject, at, of });
        else this.#places.set(key, [{ binding, subject, at, of }]);
      });
    });
  }

  /** The bindings that name the user, in their order. */
  naming(user: UserInfo): readonly Named[] {
    let named = this.#known.get(user);
    if (named === undefined) this.#known.set(user, (named = this.#find(user)));
    return named;
  }

  #find({ name, groups }: UserInfo): Named[] {
    const found = [...(this.#places.get(userKey(name)) ?? []), ...groups.flatMap((group) => this.#places.get(groupKey(group)) ?? [])];
    found.sort((a, b) => a.at - b.at || a.of - b.of);
    return found.filter(({ at }, index) => at !== found[index - 1]?.at);
  }
}
