// Kubernetes' semver(), version 1: strict, or normalized (`v1.0` counts as 1.0.0).
import { NOMINAL, traversal } from '../costs.ts';
import { declarer, type Overload } from '../declarations.ts';
import { CelError } from '../problems.ts';
import { structOf } from '../types.ts';
import { Custom } from '../values.ts';

const SEMVER = structOf('kubernetes.Semver');

class Semver extends Custom {
  readonly type = SEMVER;
  readonly numbers: readonly bigint[];
  readonly pre: readonly string[];
  constructor(numbers: readonly bigint[], pre: readonly string[]) {
    super();
    this.numbers = numbers;
    this.pre = pre;
  }
  equals = (other: Custom): boolean => other instanceof Semver && compare(this, other) === 0;
}

const PART = '(0|[1-9]\\d*)';
const ID = '(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)';
const FORM = new RegExp(`^${PART}\\.${PART}\\.${PART}(?:-(${ID}(?:\\.${ID})*))?(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?$`);
const UINT_MAX = 2n ** 64n - 1n;

function parse(text: string, normalize = false): Semver {
  const match = FORM.exec(normalize ? normalized(text) : text);
  if (!match || match.slice(1, 4).some((part) => BigInt(part) > UINT_MAX)) throw new CelError(problemOf(text));
  return new Semver(match.slice(1, 4).map(BigInt), match[4] === undefined ? [] : match[4].split('.'));
}

/** Without `v` and leading zeros, with three numbers. */
function normalized(text: string): string {
  const [, core = '', tail = ''] = /^v?([^-+]*)(.*)$/s.exec(text) ?? [];
  const parts = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  if (parts.length > 3 || (parts.length < 3 && tail !== '')) return text;
  while (parts.length < 3) parts.push('0');
  return parts.join('.') + tail;
}

function problemOf(text: string): string {
  if (text === '') return 'Version string empty';
  const parts = text.split('.');
  if (parts.length < 3) return 'No Major.Minor.Patch elements found';
  const bad = parts.slice(0, 2).find((part) => !/^\d+$/.test(part));
  if (bad !== undefined) return `Invalid character(s) found in ${bad === parts[0] ? 'major' : 'minor'} number ${JSON.stringify(bad)}`;
  return `Invalid character(s) found in patch number ${JSON.stringify(parts[2]!.split(/[-+]/)[0])}`;
}

function compare(a: Semver, b: Semver): number {
  for (let i = 0; i < 3; i++) if (a.numbers[i] !== b.numbers[i]) return a.numbers[i]! < b.numbers[i]! ? -1 : 1;
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length);
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const order = comparePre(a.pre[i]!, b.pre[i]!);
    if (order !== 0) return order;
  }
  return Math.sign(a.pre.length - b.pre.length);
}

/** Numbers by value and before texts. */
function comparePre(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (left && right) return BigInt(a) < BigInt(b) ? -1 : 1;
  if (left !== right) return left ? -1 : 1;
  return a < b ? -1 : 1;
}

function isSemver(text: string, normalize = false): boolean {
  try {
    parse(text, normalize);
    return true;
  } catch {
    return false;
  }
}

const declare = declarer({ Semver: SEMVER });
const walk = traversal(0);
export const semvers: readonly Overload[] = [
  declare('semver(string) Semver', (text: string) => parse(text), walk),
  declare('semver(string, bool) Semver', parse, walk),
  declare('isSemver(string) bool', (text: string) => isSemver(text), walk),
  declare('isSemver(string, bool) bool', isSemver, walk),
  declare('Semver::isGreaterThan(Semver) bool', (a: Semver, b: Semver) => compare(a, b) > 0, NOMINAL),
  declare('Semver::isLessThan(Semver) bool', (a: Semver, b: Semver) => compare(a, b) < 0, NOMINAL),
  declare('Semver::compareTo(Semver) int', (a: Semver, b: Semver) => BigInt(compare(a, b)), NOMINAL),
  declare('Semver::major() int', (version: Semver) => version.numbers[0]!, NOMINAL),
  declare('Semver::minor() int', (version: Semver) => version.numbers[1]!, NOMINAL),
  declare('Semver::patch() int', (version: Semver) => version.numbers[2]!, NOMINAL),
];
