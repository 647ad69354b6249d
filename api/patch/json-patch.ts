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

/** 422 of a patch that is well-formed but cannot be applied. Clients are not told why, as upstream has it; admission policies are. */
export class InapplicablePatch extends StatusError {
  /** In the words of evanphx/json-patch, which upstream applies patches with. */
  readonly why: string;
  constructor(why: string) {
    super(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
    this.why = why;
  }
}

const MISSING = 'missing value';

const goType = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;

function checkOperations(patch: unknown): readonly (JsonPatchOperation | null)[] {
  const decoding = (what: unknown, into: string): StatusError =>
    badRequest(`error decoding patch: json: cannot unmarshal ${goType(what)} into Go value of type ${into}`);
  if (patch === null) return [];
  if (!Array.isArray(patch)) throw decoding(patch, '[]handlers.jsonPatchOp');
  for (const operation of patch) {
    if (operation === null) continue; // an operation without a name
    if (typeof operation !== 'object' || Array.isArray(operation)) throw decoding(operation, 'handlers.jsonPatchOp');
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

/**
 * The container that holds a path's last part, and that part. What stands before the first slash does not count.
 * @throws InapplicablePatch with `absent` where there is none
 */
function locate(root: Container, path: string | undefined, absent: string): [Container, string] {
  const parts = (path ?? '').split('/');
  const fail = () => new InapplicablePatch(`${absent}: ${MISSING}`);
  if (path === undefined || parts.length < 2) throw fail();
  let container: unknown = root;
  for (const part of parts.slice(1, -1)) {
    const key = unescapePart(part);
    if (Array.isArray(container)) container = container[position(key, container.length) ?? -1];
    else container = isContainer(container) && Object.hasOwn(container, key) ? (container as Record<string, unknown>)[key] : undefined;
  }
  if (!isContainer(container)) throw fail();
  return [container, unescapePart(parts.at(-1)!)];
}

const unescapePart = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');

/** An index within `length` places; negative ones count from the end. */
function position(key: string, length: number): number | undefined {
  if (!/^[-+]?[0-9]+$/.test(key)) return undefined;
  const index = Number(key) < 0 ? Number(key) + length : Number(key);
  return index >= 0 && index < length ? index : undefined;
}

/** @throws InapplicablePatch saying where */
function mustPosition(key: string, length: number, where: string): number {
  const index = position(key, length);
  if (index !== undefined) return index;
  const why = /^[-+]?[0-9]+$/.test(key)
    ? `Unable to access invalid index: ${Number(key)}: invalid index referenced`
    : `strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`;
  throw new InapplicablePatch(`${where}: ${why}`);
}

function read(container: Container, key: string, where: string): unknown {
  if (Array.isArray(container)) return container[mustPosition(key, container.length, where)];
  return Object.hasOwn(container, key) ? container[key] : undefined;
}

function add(container: Container, key: string, value: unknown, where: string): void {
  if (!Array.isArray(container)) setKey(container, key, value);
  else if (key === '-') container.push(value);
  else container.splice(mustPosition(key, container.length + 1, where), 0, value);
}

function remove(container: Container, key: string, where: string): void {
  if (Array.isArray(container)) container.splice(mustPosition(key, container.length, where), 1);
  else if (Object.hasOwn(container, key)) delete container[key];
  else throw new InapplicablePatch(`${where}: Unable to remove nonexistent key: ${key}: ${MISSING}`);
}

function perform(root: Container, { op = '', path, from, value }: JsonPatchOperation): void {
  const lacks = `${op} operation does not apply: doc is missing`;
  const where = `error in ${op} for path: '${path}'`;
  switch (op) {
    case 'add':
      add(...locate(root, path, `${lacks} path: "${path}"`), deepCopy(value ?? null), where);
      return;
    case 'remove':
      remove(...locate(root, path, `${lacks} path: "${path}"`), where);
      return;
    case 'replace': {
      const [container, key] = locate(root, path, `${lacks} path: ${path}`);
      if (!Array.isArray(container)) setKey(container, key, deepCopy(value ?? null));
      else {
        const index = position(key, container.length);
        if (index === undefined) throw new InapplicablePatch(`${lacks} key: ${path}: ${MISSING}`);
        container[index] = deepCopy(value ?? null);
      }
      return;
    }
    case 'move': {
      const [source, key] = locate(root, from, `${lacks} from path: ${from}`);
      const moved = read(source, key, `error in move for path: '${key}'`);
      remove(source, key, `error in move for path: '${key}'`);
      add(...locate(root, path, `${lacks} destination path: ${path}`), moved, where);
      return;
    }
    case 'copy': {
      const copied = deepCopy(read(...locate(root, from, `${lacks} from path: ${from}`), `error in copy for from: '${from}'`) ?? null);
      add(...locate(root, path, `${lacks} destination path: ${path}`), copied, 'error while adding value during copy');
      return;
    }
    case 'test': {
      if (path === '' && deepEqual(root, value)) return;
      const found = read(...locate(root, path, `test operation does not apply: is missing path: ${path}`), where);
      if (deepEqual(found ?? null, value ?? null)) return;
      throw new InapplicablePatch(`testing value ${path} failed: test failed`);
    }
    default:
      throw new InapplicablePatch(`Unexpected kind: ${op}`);
  }
}

/** What `replace` puts in the place of the whole document. */
function wholeDocument({ value }: JsonPatchOperation): Container {
  if (!isContainer(value)) throw new InapplicablePatch('replace operation value must be object or array: %!w(<nil>)');
  return deepCopy(value);
}

/** A new object; `current` is left alone. Throws 400 for what is no patch, 422 for one that does not fit. */
export function jsonPatch<T extends object>(current: T, patch: unknown): T {
  const operations = checkOperations(patch);
  let result = deepCopy(current) as Container;
  for (const operation of operations) {
    if (operation?.op === 'replace' && operation.path === '') result = wholeDocument(operation);
    else perform(result, operation ?? {});
  }
  return result as T;
}
