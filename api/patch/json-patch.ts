// RFC 6902, with the liberties that clients of Kubernetes rely on (negative indices, replace of a missing key, ...).
import { badRequest, deepCopy, deepEqual, requestEntityTooLarge, StatusError, setKey } from '../meta/index.ts';

export interface JsonPatchOperation {
  op?: string;
  path?: string;
  from?: string;
  value?: unknown;
}

const operationsMax = 10_000;

type Container = Record<string, unknown> | unknown[];

/** 422 of a patch that is well-formed but cannot be applied; the cause stays with the server, as upstream does it. */
const unprocessablePatch = (): StatusError =>
  new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

const goType = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;

function checkOperations(patch: unknown): readonly JsonPatchOperation[] {
  const decoding = (what: unknown, into: string): StatusError =>
    badRequest(`error decoding patch: json: cannot unmarshal ${goType(what)} into Go value of type ${into}`);
  if (patch === null) return [];
  if (!Array.isArray(patch)) throw decoding(patch, '[]handlers.jsonPatchOp');
  for (const operation of patch) {
    if (typeof operation !== 'object' || operation === null || Array.isArray(operation)) throw decoding(operation, 'handlers.jsonPatchOp');
    for (const field of ['op', 'path', 'from'] as const) {
      const value = operation[field];
      if (value === undefined || value === null || typeof value === 'string') continue;
      throw badRequest(
        `error decoding patch: json: cannot unmarshal ${goType(value)} into Go struct field jsonPatchOp.${field} of type string`,
      );
    }
  }
  if (patch.length > operationsMax) {
    throw requestEntityTooLarge(`The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`);
  }
  return patch;
}

const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;

/** The container that holds a path's last part, and that part. What stands before the first slash does not count. */
function locate(root: Container, path: string | undefined): [Container, string] {
  const parts = (path ?? '').split('/');
  if (path === undefined || parts.length < 2) throw unprocessablePatch();
  let container: unknown = root;
  for (const part of parts.slice(1, -1)) container = isContainer(container) ? read(container, unescapePart(part)) : undefined;
  if (!isContainer(container)) throw unprocessablePatch();
  return [container, unescapePart(parts.at(-1)!)];
}

const unescapePart = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');

/** An index within `length` places; negative ones count from the end. */
function position(key: string, length: number): number {
  if (!/^[-+]?[0-9]+$/.test(key)) throw unprocessablePatch();
  let index = Number(key);
  if (index < 0) index += length;
  if (index < 0 || index >= length) throw unprocessablePatch();
  return index;
}

function read(container: Container, key: string): unknown {
  if (Array.isArray(container)) return container[position(key, container.length)];
  return Object.hasOwn(container, key) ? container[key] : undefined;
}

function add(container: Container, key: string, value: unknown): void {
  if (!Array.isArray(container)) setKey(container, key, value);
  else if (key === '-') container.push(value);
  else container.splice(position(key, container.length + 1), 0, value);
}

function remove(container: Container, key: string): void {
  if (Array.isArray(container)) container.splice(position(key, container.length), 1);
  else if (Object.hasOwn(container, key)) delete container[key];
  else throw unprocessablePatch();
}

function perform(root: Container, { op, path, from, value }: JsonPatchOperation): void {
  switch (op) {
    case 'add':
      add(...locate(root, path), deepCopy(value ?? null));
      return;
    case 'remove':
      remove(...locate(root, path));
      return;
    case 'replace': {
      const [container, key] = locate(root, path);
      if (Array.isArray(container)) container[position(key, container.length)] = deepCopy(value ?? null);
      else setKey(container, key, deepCopy(value ?? null));
      return;
    }
    case 'move': {
      const [source, key] = locate(root, from);
      const moved = read(source, key);
      remove(source, key);
      add(...locate(root, path), moved);
      return;
    }
    case 'copy': {
      const copied = deepCopy(read(...locate(root, from)) ?? null);
      add(...locate(root, path), copied);
      return;
    }
    case 'test': {
      if (path === '' && deepEqual(root, value)) return;
      const found = read(...locate(root, path));
      if (deepEqual(found ?? null, value ?? null)) return;
      throw unprocessablePatch();
    }
    default:
      throw unprocessablePatch();
  }
}

/** A new object; `current` is left alone. Throws 400 for what is no patch, 422 for one that does not fit. */
export function jsonPatch<T extends object>(current: T, patch: unknown): T {
  const operations = checkOperations(patch);
  const result = deepCopy(current);
  for (const operation of operations) perform(result as Container, operation);
  return result;
}
