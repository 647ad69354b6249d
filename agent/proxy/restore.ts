// Pure: the smallest iptables-restore input that turns what is there into what is wanted.
import { isPortChain, JUMPS, type Ruleset, type Table } from './iptables.ts';

/** What iptables-save says: our chains (their rules as far as known) and the jumps into them. */
export interface Present {
  /** Table to chain names. */
  chains: Record<Table, Set<string>>;
  /** `table from target` of each jump from a kernel chain. */
  jumps: Set<string>;
}

const TABLES: readonly Table[] = ['nat', 'filter'];

/** Text for `iptables-restore --noflush`, one atomic batch a table; '' when nothing differs. `before` undefined: all is written anew. */
export function restoreInput(wanted: Ruleset, before: Ruleset | undefined, present: Present | undefined): string {
  return TABLES.map((table) => tableInput(table, wanted, before, present)).join('');
}

function tableInput(table: Table, wanted: Ruleset, before: Ruleset | undefined, present: Present | undefined): string {
  const chains = wanted[table];
  const changed = [...chains].filter(([name, rules]) => !sameRules(before?.[table].get(name), rules));
  const known = before ? [...before[table].keys()] : [...(present?.chains[table] ?? [])];
  const stale = known.filter((name) => isPortChain(name) && !chains.has(name));
  const jumps = present ? JUMPS[table].filter((jump) => !present.jumps.has(jumpKey(table, jump.from, jump.rule))) : [];
  if (changed.length === 0 && stale.length === 0 && jumps.length === 0) return '';
  return [
    `*${table}`,
    // A declared chain is emptied; chains that are not named stay as they are.
    ...changed.map(([name]) => `:${name} - [0:0]`),
    ...stale.map((name) => `:${name} - [0:0]`),
    ...changed.flatMap(([name, rules]) => rules.map((rule) => `-A ${name} ${rule}`)),
    ...jumps.map((jump) => `-I ${jump.from} ${jump.rule}`),
    ...stale.map((name) => `-X ${name}`),
    'COMMIT',
    '',
  ].join('\n');
}

/** Reads `iptables-save` of all tables. */
export function parseSaved(saved: string): Present {
  const present: Present = { chains: { nat: new Set(), filter: new Set() }, jumps: new Set() };
  let table: Table | undefined;
  for (const line of saved.split('\n')) {
    if (line.startsWith('*')) table = TABLES.find((t) => line === `*${t}`);
    if (!table) continue;
    const chain = /^:(KUBE-\S+)/.exec(line)?.[1];
    if (chain) present.chains[table].add(chain);
    const jump = /^-A (PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) (.* -j KUBE-\S+)$/.exec(line);
    if (jump) present.jumps.add(jumpKey(table, jump[1]!, jump[2]!));
  }
  return present;
}

/** Text that removes everything of ours, given what is there. */
export function cleanupInput(present: Present): string {
  return TABLES.map((table) => {
    const chains = [...present.chains[table]].filter((name) => OURS.has(name) || isPortChain(name));
    if (chains.length === 0) return '';
    const jumps = JUMPS[table].filter((jump) => present.jumps.has(jumpKey(table, jump.from, jump.rule)));
    const lines = [
      ...chains.map((name) => `:${name} - [0:0]`),
      ...jumps.map((jump) => `-D ${jump.from} ${jump.rule}`),
      ...chains.map((name) => `-X ${name}`),
    ];
    return [`*${table}`, ...lines, 'COMMIT', ''].join('\n');
  }).join('');
}

const OURS = new Set([
  'KUBE-SERVICES',
  'KUBE-NODEPORTS',
  'KUBE-MARK-MASQ',
  'KUBE-POSTROUTING',
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-PROXY-FIREWALL',
  'KUBE-FORWARD',
  'KUBE-FIREWALL',
]);

const jumpKey = (table: Table, from: string, rule: string): string => `${table} ${from} ${/-j (\S+)/.exec(rule)![1]}`;

const sameRules = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a === b || (a !== undefined && a.length === b.length && a.every((rule, n) => rule === b[n]));
