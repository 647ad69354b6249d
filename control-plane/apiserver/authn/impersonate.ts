// Impersonate-* headers: acting as somebody else, when the asker may.
import { badRequest, goQuote } from '../../../api/meta/index.ts';
import { type Authorizer, questionOf } from '../authz/index.ts';
import type { ApiRequest, Stage } from '../request.ts';
import { extraValues, type Headers, headerValues } from './header-values.ts';
import { Impersonations, type Wanted } from './impersonation-modes.ts';

const PREFIX = 'impersonate-';
const FIRST_LETTER = PREFIX.charCodeAt(0);

/** Looked at for every request: without a list of all headers. */
function asks(headers: ApiRequest['headers']): boolean {
  for (const name in headers) if (name.charCodeAt(0) === FIRST_LETTER && name.startsWith(PREFIX)) return true;
  return false;
}

function wantedOf(request: Headers): Wanted | undefined {
  if (!asks(request.headers)) return undefined;
  const found = headerValues(request, PREFIX);
  const wanted: Wanted = {
    user: found.get('impersonate-user')?.[0] ?? '',
    uid: found.get('impersonate-uid')?.[0] ?? '',
    groups: found.get('impersonate-group') ?? [],
    extra: extraValues(found, 'impersonate-extra-'),
  };
  if (!wanted.user && !wanted.uid && wanted.groups.length === 0 && Object.keys(wanted.extra).length === 0) return undefined;
  return wanted;
}

/** The request in Go's %#v form, which is upstream's text for a request that names no user. */
function goText({ uid, groups, extra }: Wanted): string {
  const strings = (items: readonly string[]) => `[]string{${items.map(goQuote).join(', ')}}`;
  const keys = Object.entries(extra).map(([key, values]) => `${goQuote(key)}:${strings(values)}`);
  const groupText = groups.length > 0 ? strings(groups) : '[]string(nil)';
  const extraText = keys.length > 0 ? `map[string][]string{${keys.join(', ')}}` : 'map[string][]string(nil)';
  return `&user.DefaultInfo{Name:"", UID:${goQuote(uid)}, Groups:${groupText}, Extra:${extraText}}`;
}

export function impersonateStage(authorizer: Authorizer): Stage {
  const impersonations = new Impersonations(authorizer);
  return {
    name: 'impersonate',
    async handle(request, next) {
      const wanted = wantedOf(request);
      if (!wanted) return next(request);
      if (!wanted.user) throw badRequest(`requested ${goText(wanted)} without impersonating a user name`);
      const { user, constraint } = impersonations.decide(wanted, questionOf(request));
      request.user = user;
      if (constraint) request.impersonationConstraint = constraint;
      return next(request);
    },
  };
}
