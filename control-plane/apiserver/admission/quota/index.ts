// ResourceQuota: what is created is counted before it is stored, by compare-and-set on the quota's status.
import {
  addQuantities,
  compareQuantities,
  deepEqual,
  isStatusError,
  type KubeObject,
  parseQuantity,
  quantitySign,
  quantityText,
  subtractQuantities,
} from '../../../../api/meta/index.ts';
import type { Client, Resource } from '../../../../kit/client/client.ts';
import { type Clock, Turns } from '../../../../kit/run/index.ts';
import type { AdmissionPlugin, Attributes, Reader, Settle } from '../../request.ts';
import { refused } from '../attributes.ts';
import { Flights } from './flights.ts';
import { type ResourceList, sum } from './pod-resources.ts';
import { countedKind, inScope, missingText, usageOf } from './usage.ts';

const QUOTAS = { group: '', plural: 'resourcequotas' };
const RESOURCE: Resource = { ...QUOTAS, version: 'v1', kind: 'ResourceQuota', namespaced: true };
const ATTEMPTS = 8;
/** A pod that has ended uses nothing; a claim uses the class that its volume has now, too. */
const USED_BY_STATUS = new Set(['pods', 'persistentvolumeclaims']);

/** Deletions come in crowds: one recount serves all that happen within this time. */
const RECOUNT_AFTER_MS = 300;
/** A recount waits so long for what is counted and not yet stored; then it tries again later. */
const LANDED_MS = 10_000;

const pick = (list: ResourceList, names: readonly string[]): ResourceList =>
  Object.fromEntries(names.filter((name) => list[name] !== undefined).map((name) => [name, list[name]!]));

function difference(next: ResourceList, previous: ResourceList): ResourceList {
  const result: ResourceList = {};
  for (const name of new Set([...Object.keys(next), ...Object.keys(previous)]))
    result[name] = quantityText(subtractQuantities(parseQuantity(next[name] ?? '0'), parseQuantity(previous[name] ?? '0')));
  return result;
}

const listText = (list: ResourceList, names: readonly string[]): string =>
  names.map((name) => `${name}=${quantityText(parseQuantity(list[name] ?? '0'))}`).join(',');

/** Everything that is used of what the quota bounds, counted from the cache. */
export function recounted(quota: KubeObject, reader: Reader): ResourceList {
  const names = Object.keys(quota['spec']?.hard ?? {});
  let used: ResourceList = Object.fromEntries(names.map((name) => [name, '0']));
  const seen = new Set<string>();
  for (const name of names) {
    const kind = countedKind(name);
    if (!kind || seen.has(`${kind.group}/${kind.plural}`)) continue;
    seen.add(`${kind.group}/${kind.plural}`);
    for (const object of reader.list(kind, quota.metadata.namespace))
      if (inScope(quota, kind, object)) used = sum(used, pick(usageOf(kind, object), names));
  }
  return used;
}

export function resourceQuota(reader: Reader, client: Client, clock: Clock): AdmissionPlugin {
  /** Work of one namespace runs one after the other: compare-and-set then seldom fails. */
  const turns = new Turns();
  const planned = new Set<string>();
  /** What is counted and not yet stored: a recount would miss it. */
  const flights = new Flights();
  /** Namespaces that are recounted as soon as it is their turn: whoever fails meanwhile need not give back. */
  const recounting = new Set<string>();

  const hardOf = (quota: KubeObject): ResourceList => quota['spec']?.hard ?? {};
  const usedOf = (quota: KubeObject): ResourceList => {
    const used: ResourceList = quota['status']?.used ?? {};
    return Object.keys(hardOf(quota)).every((name) => used[name] !== undefined) ? used : { ...recounted(quota, reader), ...used };
  };

  const writeStatus = (quota: KubeObject, used: ResourceList): Promise<KubeObject> =>
    client.update(
      { ...RESOURCE },
      { ...quota, status: { hard: hardOf(quota), used } },
      { namespace: quota.metadata.namespace!, subresource: 'status' },
    );

  /** Retries `change` on the newest object while others write it. */
  async function change(namespace: string, name: string, next: (quota: KubeObject) => ResourceList | undefined): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const quota = await reader.getFresh(QUOTAS, namespace, name);
      const used = quota && next(quota);
      if (!quota || !used) return;
      try {
        await writeStatus(quota, used);
        return;
      } catch (error) {
        if (attempt >= ATTEMPTS || !isStatusError(error, 'Conflict')) throw error;
      }
    }
  }

  /** Holds the namespace's turn, so that nothing new is counted while it waits for what was. */
  async function recount(namespace: string): Promise<void> {
    if (!(await flights.landed(namespace, LANDED_MS, clock))) return planRecount(namespace);
    for (const { metadata } of reader.list(QUOTAS, namespace))
      await change(namespace, metadata.name!, (quota) => {
        const used = recounted(quota, reader);
        return deepEqual(quota['status'], { hard: hardOf(quota), used }) ? undefined : used;
      });
  }

  function planRecount(namespace: string): void {
    if (planned.has(namespace)) return;
    planned.add(namespace);
    void (async () => {
      await clock.sleep(RECOUNT_AFTER_MS);
      planned.delete(namespace);
      recounting.add(namespace);
      await turns.take(namespace, () => recount(namespace)).finally(() => recounting.delete(namespace));
    })().catch(() => {}); // the next change recounts
  }

  const bump = (namespace: string, name: string, delta: ResourceList, sign: 1 | -1): Promise<void> =>
    change(namespace, name, (quota) => {
      const used = usedOf(quota);
      const next = { ...used };
      for (const [key, value] of Object.entries(delta)) {
        const was = parseQuantity(used[key] ?? '0');
        next[key] = quantityText(sign > 0 ? addQuantities(was, parseQuantity(value)) : subtractQuantities(was, parseQuantity(value)));
      }
      return pick(next, Object.keys(hardOf(quota)));
    });

  /** What the request adds to a quota; refuses when that does not fit. */
  async function charge(attributes: Attributes, name: string, delta: ResourceList): Promise<ResourceList | undefined> {
    let charged: ResourceList | undefined;
    const check = (quota: KubeObject): ResourceList | undefined => {
      const hard = hardOf(quota);
      const wanted = pick(delta, Object.keys(hard).sort());
      const rising = Object.keys(wanted).filter((key) => quantitySign(wanted[key]!) > 0);
      if (rising.length === 0) return undefined;
      const used = usedOf(quota);
      const next = sum(used, pick(wanted, rising));
      const exceeded = rising.filter((key) => compareQuantities(next[key]!, hard[key]!) > 0);
      if (exceeded.length > 0)
        throw refused(
          attributes,
          `exceeded quota: ${name}, requested: ${listText(wanted, exceeded)}, used: ${listText(used, exceeded)}, limited: ${listText(hard, exceeded)}`,
        );
      charged = pick(wanted, rising);
      return pick(next, Object.keys(hard));
    };
    if (attributes.dryRun) {
      const quota = reader.get(QUOTAS, attributes.namespace, name);
      if (quota) check(quota);
      return undefined;
    }
    await change(attributes.namespace, name, check);
    return charged;
  }

  function deltaOf(attributes: Attributes, quota: KubeObject): ResourceList {
    const { kind, object, oldObject, operation } = attributes;
    if (!inScope(quota, kind, object!)) return {};
    const next = usageOf(kind, object!);
    if (operation === 'CREATE') return next;
    return oldObject && inScope(quota, kind, oldObject) ? difference(next, usageOf(kind, oldObject)) : next;
  }

  function demand(attributes: Attributes, quota: KubeObject): void {
    const { kind, object, operation } = attributes;
    if (kind.group !== '' || kind.plural !== 'pods' || operation !== 'CREATE' || !inScope(quota, kind, object!)) return;
    const missing = missingText(object!, hardOf(quota));
    if (missing) throw refused(attributes, `failed quota: ${quota.metadata.name}: must specify ${missing}`);
  }

  /** Counts the object in every quota or in none; what it answers gives back when the object was not stored. */
  async function chargeAll(attributes: Attributes, quotas: readonly KubeObject[]): Promise<Settle | undefined> {
    const { namespace } = attributes;
    const charged: [string, ResourceList][] = [];
    const settle: Settle = async (done) => {
      try {
        for (const [name, delta] of done || recounting.has(namespace) ? [] : charged)
          await turns.take(namespace, () => bump(namespace, name, delta, -1));
      } finally {
        flights.end(namespace);
      }
    };
    try {
      await turns.take(namespace, async () => {
        flights.begin(namespace);
        for (const quota of quotas) {
          const delta = await charge(attributes, quota.metadata.name!, deltaOf(attributes, quota));
          if (delta) charged.push([quota.metadata.name!, delta]);
        }
      });
    } catch (error) {
      await settle(false);
      throw error;
    }
    return settle;
  }

  return {
    name: 'ResourceQuota',
    validate(attributes) {
      const { kind, namespace, operation, object, subresource } = attributes;
      if (namespace === '' || operation === 'CONNECT') return undefined;
      if (kind.group === '' && kind.plural === 'resourcequotas' && subresource === '') planRecount(namespace);
      const quotas = reader.list(QUOTAS, namespace);
      if (quotas.length === 0) return undefined;
      if (operation === 'DELETE' || (subresource === 'status' && USED_BY_STATUS.has(kind.plural))) planRecount(namespace);
      const counted = subresource === '' || subresource === 'resize';
      if (!counted || !object || (operation !== 'CREATE' && operation !== 'UPDATE')) return undefined;
      for (const quota of quotas) demand(attributes, quota);
      return chargeAll(attributes, quotas);
    },
  };
}
