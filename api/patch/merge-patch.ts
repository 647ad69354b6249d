// RFC 7386: objects are merged, null removes, everything else replaces.
import { badRequest, deepCopy, setKey } from '../meta/index.ts';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A new object; `current` is left alone. Throws 400 when the patch is no object. */
export function mergePatch<T extends object>(current: T, patch: unknown): T {
  if (patch === null) throw badRequest('Invalid JSON Patch');
  if (!isObject(patch)) {
    const what = Array.isArray(patch) ? 'array' : typeof patch === 'boolean' ? 'bool' : typeof patch;
    throw badRequest(`error decoding patch: json: cannot unmarshal ${what} into Go value of type map[string]interface {}`);
  }
  return merge(current as Json, patch) as T;
}

function merge(current: Json, patch: Json): Json {
  const result: Json = {};
  for (const key in current) {
    const change = Object.hasOwn(patch, key) ? patch[key] : undefined;
    if (change === null) continue;
    const value = current[key];
    if (change === undefined) setKey(result, key, deepCopy(value));
    else if (!isObject(change)) setKey(result, key, deepCopy(change));
    else setKey(result, key, merge(isObject(value) ? value : {}, change));
  }
  for (const key in patch) {
    const change = patch[key];
    if (change === null || change === undefined || Object.hasOwn(current, key)) continue;
    setKey(result, key, isObject(change) ? merge({}, change) : deepCopy(change));
  }
  return result;
}
