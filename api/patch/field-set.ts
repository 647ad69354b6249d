// Sets of field paths, kept in the very form of fieldsV1: `f:name`, `k:{...}`, `v:...`, and `.` for a node that is itself a member.
import { goJson, readJson } from '../meta/index.ts';

/** A node: an empty one is a member, one with parts below is a member only with `.`. Never changed once built: nodes are shared. */
export interface FieldNode {
  readonly [part: string]: FieldNode;
}

type Building = Record<string, FieldNode>;

export const leaf: FieldNode = Object.freeze({});
const emptySet: FieldNode = leaf;

export const fieldPart = (name: string): string => `f:${name}`;

export function isEmptySet(set: FieldNode | undefined): boolean {
  for (const _ in set) return false;
  return true;
}

/** Of a node below the root. */
export const isMember = (node: FieldNode | undefined): boolean => node !== undefined && (isEmptySet(node) || Object.hasOwn(node, '.'));

/** A node of these parts; undefined when there is nothing. */
export function nodeOf(member: boolean, parts: Building | undefined): FieldNode | undefined {
  if (parts === undefined || isEmptySet(parts)) return member ? leaf : undefined;
  return member ? { '.': leaf, ...parts } : parts;
}

/** Parts of `node` combined with those of `other` where both have one. `alone`: what becomes of a part that only `node` has. */
function unionParts(a: FieldNode, b: FieldNode): Building {
  const parts: Building = {};
  for (const part in a) if (part !== '.') parts[part] = Object.hasOwn(b, part) ? unionNode(a[part]!, b[part]!) : a[part]!;
  for (const part in b) if (part !== '.' && !Object.hasOwn(a, part)) parts[part] = b[part]!;
  return parts;
}

function unionNode(a: FieldNode, b: FieldNode): FieldNode {
  return a === b ? a : nodeOf(isMember(a) || isMember(b), unionParts(a, b))!;
}

export function union(a: FieldNode | undefined, b: FieldNode | undefined): FieldNode {
  if (a === undefined || isEmptySet(a)) return b ?? emptySet;
  if (b === undefined || isEmptySet(b)) return a;
  return unionParts(a, b);
}

function differenceParts(a: FieldNode, b: FieldNode): Building {
  const parts: Building = {};
  for (const part in a) {
    if (part === '.') continue;
    const node = Object.hasOwn(b, part) ? differenceNode(a[part]!, b[part]!) : a[part]!;
    if (node !== undefined) parts[part] = node;
  }
  return parts;
}

const differenceNode = (a: FieldNode, b: FieldNode): FieldNode | undefined => nodeOf(isMember(a) && !isMember(b), differenceParts(a, b));

/** Members of `a` that are not members of `b`; what stands below a member of `b` stays. */
export function difference(a: FieldNode, b: FieldNode | undefined): FieldNode {
  return b === undefined || isEmptySet(b) || isEmptySet(a) ? a : differenceParts(a, b);
}

/** `a` without the members of `b` and all below them. */
export function recursiveDifference(a: FieldNode, b: FieldNode): FieldNode {
  if (isEmptySet(b) || isEmptySet(a)) return a;
  const parts: Building = {};
  for (const part in a) {
    if (part === '.') continue;
    const other = Object.hasOwn(b, part) ? b[part]! : undefined;
    if (other === undefined) parts[part] = a[part]!;
    else if (!isMember(other)) {
      const node = nodeOf(isMember(a[part]), recursiveDifference(a[part]!, other));
      if (node !== undefined) parts[part] = node;
    }
  }
  return parts;
}

function intersectionParts(a: FieldNode, b: FieldNode): Building {
  const parts: Building = {};
  for (const part in a) {
    if (part === '.' || !Object.hasOwn(b, part)) continue;
    const node = nodeOf(isMember(a[part]) && isMember(b[part]), intersectionParts(a[part]!, b[part]!));
    if (node !== undefined) parts[part] = node;
  }
  return parts;
}

export function intersection(a: FieldNode | undefined, b: FieldNode | undefined): FieldNode {
  return a === undefined || b === undefined || isEmptySet(a) || isEmptySet(b) ? emptySet : intersectionParts(a, b);
}

function isInOrder(node: FieldNode): boolean {
  let last = '';
  for (const part in node) {
    if (part < last || !isInOrder(node[part]!)) return false;
    last = part;
  }
  return true;
}

function sorted(node: FieldNode): FieldNode {
  const parts: Building = {};
  for (const part of Object.keys(node).sort()) parts[part] = sorted(node[part]!);
  return parts;
}

/**
 * The same set with its parts by name, as upstream writes it: clients compare fieldsV1 as text. What is in order already is given back
 * itself: nothing is made for a write whose owners stay.
 */
export const inOrder = (set: FieldNode): FieldNode => (isInOrder(set) ? set : sorted(set));

/** A set of the paths given by field names. */
export function setOfPaths(paths: readonly (readonly string[])[]): FieldNode {
  let set: FieldNode = emptySet;
  for (const path of paths) {
    let node: FieldNode = leaf;
    for (const name of [...path].reverse()) node = { [fieldPart(name)]: node };
    set = union(set, node);
  }
  return set;
}

/** `.spec.containers[name="a"].image` of every member, in order. */
export function pathsOf(set: FieldNode): string[] {
  const paths: string[] = [];
  const visit = (node: FieldNode, prefix: string): void => {
    const parts = sortedParts(node);
    for (const part of parts) if (isMember(node[part])) paths.push(prefix + partText(part));
    for (const part of parts) visit(node[part]!, prefix + partText(part));
  };
  visit(set, '');
  return paths;
}

const rank = (part: string): number => 'fkvi'.indexOf(part[0]!);

const sortedParts = (node: FieldNode): string[] =>
  Object.keys(node)
    .filter((part) => part !== '.')
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0));

function partText(part: string): string {
  const rest = part.slice(2);
  if (part.startsWith('f:')) return `.${rest}`;
  if (part.startsWith('v:')) return `[=${rest}]`;
  if (part.startsWith('i:')) return `[${rest}]`;
  const fields = Object.entries(readJson(rest) as Record<string, unknown>);
  return `[${fields.map(([name, value]) => `${name}=${goJson(value)}`).join(',')}]`;
}
