// The opaque token of chunked lists: revision of the first page and the last key given.

import { badRequest } from '../../../api/meta/index.ts';
import { parseJson } from '../../../api/wire/index.ts';

export interface Continue {
  /** Revision of the snapshot; -1: whatever is newest (the snapshot is gone). */
  revision: number;
  /** Local key of the last item given. */
  after: string;
}

export const encodeContinue = ({ revision, after }: Continue): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: `${after}\u0000` })).toString('base64url');

/** Throws 400 for a token that this server did not give. */
export function decodeContinue(token: string): Continue {
  let parsed: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    parsed = parseJson(Buffer.from(token, 'base64url').toString('latin1')).value as typeof parsed;
  } catch (error) {
    throw badRequest(`invalid continue token: continue key is not valid: ${(error as Error).message}`);
  }
  if (parsed?.v !== 'meta.k8s.io/v1')
    throw badRequest(`invalid continue token: continue key is not valid: server does not recognize this encoded version ${parsed?.v}`);
  if (typeof parsed.rv !== 'number' || parsed.rv === 0)
    throw badRequest('invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof parsed.start !== 'string' || parsed.start === '' || parsed.start.includes('..'))
    throw badRequest('invalid continue token: continue key is not valid: encoded start key empty (version meta.k8s.io/v1)');
  return { revision: parsed.rv, after: parsed.start.replace(/\u0000$/, '') };
}
