// Pure: the nft script that turns one ruleset into another, as one transaction.
import { BASE, MAPS, type MapName, type NftRuleset, TABLE } from './nftables.ts';

const T = `ip ${TABLE}`;

/** `before` undefined: whatever is there is replaced. '' when nothing differs. */
export function nftScript(wanted: NftRuleset, before: NftRuleset | undefined): string {
  const lines = before ? [] : fresh();
  const old: NftRuleset = before ?? { chains: new Map(), maps: new Map(), affinities: new Map() };
  const changed = [...wanted.chains].filter(([name, rules]) => !same(old.chains.get(name), rules));
  const stale = [...old.chains.keys()].filter((name) => !wanted.chains.has(name));
  const staleSets = [...old.affinities.keys()].filter((name) => !wanted.affinities.has(name));
  const newSets = [...wanted.affinities].filter(([name]) => !old.affinities.has(name));

  for (const [name] of changed) lines.push(`${old.chains.has(name) ? 'flush' : 'add'} chain ${T} ${name}`);
  for (const name of stale) lines.push(`flush chain ${T} ${name}`);
  for (const map of Object.keys(MAPS) as MapName[]) lines.push(...elements(map, wanted.maps.get(map), old.maps.get(map)));
  for (const name of staleSets) lines.push(`delete set ${T} ${name}`);
  for (const [name, seconds] of newSets) lines.push(`add set ${T} ${name} { type ipv4_addr; flags dynamic,timeout; timeout ${seconds}s; }`);
  for (const [name, rules] of changed) lines.push(...rules.map((rule) => `add rule ${T} ${name} ${rule}`));
  if (!before) for (const [name, { rules }] of Object.entries(BASE)) lines.push(...rules.map((rule) => `add rule ${T} ${name} ${rule}`));
  for (const name of stale) lines.push(`delete chain ${T} ${name}`);
  return lines.length > 0 ? `${lines.join('\n')}\n` : '';
}

/** Adding before deleting makes the deletion safe where there is no table yet. */
function fresh(): string[] {
  const chains = Object.entries(BASE).map(([name, { hook }]) => `add chain ${T} ${name} { ${hook}; }`);
  const maps = Object.entries(MAPS).map(([name, type]) => `add ${type.includes(':') ? 'map' : 'set'} ${T} ${name} { ${type}; }`);
  return [`add table ${T}`, `delete table ${T}`, `add table ${T}`, ...chains, ...maps];
}

function elements(map: MapName, wanted: ReadonlyMap<string, string> | undefined, old: ReadonlyMap<string, string> | undefined): string[] {
  const gone = [...(old ?? [])].filter(([key, verdict]) => wanted?.get(key) !== verdict).map(([key]) => key);
  const come = [...(wanted ?? [])]
    .filter(([key, verdict]) => old?.get(key) !== verdict)
    .map(([key, verdict]) => (verdict ? `${key} : ${verdict}` : key));
  return [
    ...(gone.length > 0 ? [`delete element ${T} ${map} { ${gone.join(', ')} }`] : []),
    ...(come.length > 0 ? [`add element ${T} ${map} { ${come.join(', ')} }`] : []),
  ];
}

const same = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a === b || (a !== undefined && a.length === b.length && a.every((rule, n) => rule === b[n]));
