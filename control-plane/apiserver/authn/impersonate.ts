// Impersonate-* headers: acting as somebody else, when the asker may.
import { badRequest, goQuote } from '../../../api/meta/index.ts';
import type { Authorizer, Question } from '../authz/authorizer.ts';
import { refusal } from '../authz/refusal.ts';
import type { ApiRequest, Stage, UserInfo } from '../request.ts';
import { AUTHENTICATED } from './authenticator.ts';
import { parseServiceAccountUserName, serviceAccountGroups } from './service-account-token.ts';

interface Wanted {
  user: string;
  uid: string;
  groups: string[];
  extra: Record<string, string[]>;
}

/** Repeated headers arrive joined by a comma. */
const list = (header: string | undefined): string[] => (header ? header.split(',').map((item) => item.trim()) : []);

const FIRST_LETTER = 'i'.charCodeAt(0);

/** Looked at for every request: without a list of all headers. */
function asks(headers: ApiRequest['headers']): boolean {
  for (const name in headers) if (name.charCodeAt(0) === FIRST_LETTER && name.startsWith('impersonate-')) return true;
  return false;
}

export function wantedOf(headers: ApiRequest['headers']): Wanted | undefined {
  if (!asks(headers)) return undefined;
  const extra: Record<string, string[]> = {};
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith('impersonate-extra-') && value) extra[decodeKey(name.slice('impersonate-extra-'.length))] = list(value);
  const wanted = {
    user: headers['impersonate-user'] ?? '',
    uid: headers['impersonate-uid'] ?? '',
    groups: list(headers['impersonate-group']),
    extra,
  };
  if (!wanted.user && !wanted.uid && wanted.groups.length === 0 && Object.keys(extra).length === 0) return undefined;
  return wanted;
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/** The request in Go's %#v form, which is upstream's text for a request that names no user. */
function goText({ uid, groups, extra }: Wanted): string {
  const strings = (items: readonly string[]) => `[]string{${items.map(goQuote).join(', ')}}`;
  const keys = Object.entries(extra).map(([key, values]) => `${goQuote(key)}:${strings(values)}`);
  const groupText = groups.length > 0 ? strings(groups) : '[]string(nil)';
  const extraText = keys.length > 0 ? `map[string][]string{${keys.join(', ')}}` : 'map[string][]string(nil)';
  return `&user.DefaultInfo{Name:"", UID:${goQuote(uid)}, Groups:${groupText}, Extra:${extraText}}`;
}

/** Every right that the asker needs for this. */
function questionsFor(asker: UserInfo, wanted: Wanted): Question[] {
  const ask = (resource: string, name: string, more: Partial<Question> = {}): Question => ({
    user: asker,
    verb: 'impersonate',
    group: '',
    version: 'v1',
    resource,
    subresource: '',
    namespace: '',
    name,
    path: '',
    isResource: true,
    ...more,
  });
  const account = parseServiceAccountUserName(wanted.user);
  return [
    account ? ask('serviceaccounts', account.name, { namespace: account.namespace }) : ask('users', wanted.user),
    ...wanted.groups.map((group) => ask('groups', group)),
    ...Object.entries(wanted.extra).flatMap(([key, values]) =>
      values.map((value) => ask('userextras', value, { group: 'authentication.k8s.io', subresource: key })),
    ),
    ...(wanted.uid ? [ask('uids', wanted.uid, { group: 'authentication.k8s.io' })] : []),
  ];
}

function modeOf(wanted: Wanted): string {
  if (parseServiceAccountUserName(wanted.user)) return 'serviceaccount';
  return wanted.user.startsWith('system:node:') ? 'arbitrary-node' : 'user-info';
}

/** Who the request acts as: groups of service accounts are implied, and everyone but system:anonymous is authenticated. */
export function impersonated(wanted: Wanted): UserInfo {
  const account = parseServiceAccountUserName(wanted.user);
  const groups = wanted.groups.length === 0 && account ? serviceAccountGroups(account.namespace) : [...wanted.groups];
  const implied = wanted.user === 'system:anonymous' ? 'system:unauthenticated' : AUTHENTICATED;
  const other = wanted.user === 'system:anonymous' ? AUTHENTICATED : 'system:unauthenticated';
  if (!groups.includes(implied) && !groups.includes(other)) groups.push(implied);
  return {
    name: wanted.user,
    groups,
    ...(wanted.uid ? { uid: wanted.uid } : {}),
    ...(Object.keys(wanted.extra).length > 0 ? { extra: wanted.extra } : {}),
  };
}

export const impersonateStage = (authorizer: Authorizer): Stage => ({
  name: 'impersonate',
  async handle(request, next) {
    const wanted = wantedOf(request.headers);
    if (!wanted) return next(request);
    if (!wanted.user) throw badRequest(`requested ${goText(wanted)} without impersonating a user name`);
    const asker = request.user!;
    if (questionsFor(asker, wanted).some((question) => !authorizer.authorize(question).allowed)) {
      const { info } = request;
      throw refusal({ ...info, user: asker, verb: `impersonate-on:${modeOf(wanted)}:${info.verb}` });
    }
    request.user = impersonated(wanted);
    return next(request);
  },
});
