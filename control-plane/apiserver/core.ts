// What verbs work with: the server's parts, and what one request is about.
import type { Kind } from '../../api/kinds/index.ts';
import { apiVersionOf, type KubeObject, type Schema } from '../../api/meta/index.ts';
import type { Clock, Logger } from '../../kit/run/index.ts';
import type { ServerServices, SubresourceHandlers } from './handlers.ts';
import type { KindTable, ServedKind } from './kind-table.ts';
import type { AdmissionPlugin, ApiRequest, ApiResponse } from './request.ts';
import { Item } from './storage/item.ts';
import type { Storage } from './storage/storage.ts';
import type { WriteHooks } from './write/hooks.ts';

export interface Core {
  readonly storage: Storage;
  readonly kinds: KindTable;
  readonly clock: Clock;
  readonly log: Logger;
  readonly services: ServerServices;
  readonly hooks: WriteHooks;
  readonly admission: readonly AdmissionPlugin[];
  readonly handlers: SubresourceHandlers;
}

/** One resource request, resolved. */
export interface Target {
  readonly served: ServedKind;
  readonly kind: Kind;
  readonly schema: Schema | undefined;
  readonly resource: { group: string; plural: string };
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
}

export type Verb = (core: Core, target: Target, request: ApiRequest) => Promise<ApiResponse>;

const converted = new WeakMap<KubeObject, Map<string, KubeObject>>();

/** The cached object in the version that is asked for: the very object, or its conversion (made once). */
export function viewOf(served: ServedKind, item: Item): KubeObject {
  return viewOfObject(served, item.object);
}

function viewOfObject(served: ServedKind, object: KubeObject): KubeObject {
  const { kind, customPart } = served;
  if (customPart) return customPart.view(object);
  const wanted = apiVersionOf(kind);
  if (object.apiVersion === wanted) return object;
  let views = converted.get(object);
  if (views === undefined) converted.set(object, (views = new Map()));
  let view = views.get(wanted);
  if (view === undefined) {
    view = kind.storage ? kind.storage.fromStored(object) : { ...object, apiVersion: wanted };
    views.set(wanted, view);
  }
  return view;
}

/** Whether `viewOf` would show the very bytes that are stored; mostly told without making the object. */
export function isShownAsStored({ kind, customPart }: ServedKind, item: Item): boolean {
  if (!customPart) return item.isStoredAs(apiVersionOf(kind));
  if (item.shownBy === customPart) return true;
  const { object } = item;
  if (customPart.view(object) !== object) return false;
  item.shownBy = customPart;
  return true;
}

/** What is shown of each item, where a conversion webhook must be asked; nothing for kinds that `viewOf` knows how to show. Throws when it fails. */
export async function askedViews(served: ServedKind, items: readonly Item[]): Promise<ReadonlyMap<Item, KubeObject> | undefined> {
  if (!served.customPart?.prepare) return undefined;
  const objects = items.map((item) => item.object); // the webhook's answers live as long as these
  await served.customPart.prepare(objects);
  return new Map(items.map((item, at) => [item, viewOfObject(served, objects[at]!)]));
}

/** What a list of the items is made of: themselves, or what is shown of them where only a conversion webhook knows that. */
export async function shownRows(served: ServedKind, items: readonly Item[]): Promise<readonly (Item | KubeObject)[]> {
  const views = await askedViews(served, items);
  return views ? [...views.values()] : items;
}

/** `viewOf` after what it needs. */
export async function shownOf(served: ServedKind, { object }: Item): Promise<KubeObject> {
  if (served.customPart?.prepare) await served.customPart.prepare([object]);
  return viewOfObject(served, object);
}

/** What is shown of a row of a list. */
export const objectOfRow = (served: ServedKind, row: Item | KubeObject): KubeObject => (row instanceof Item ? viewOf(served, row) : row);

/** The form that is stored. Throws when a conversion webhook fails. */
export async function storedOf(served: ServedKind, object: KubeObject): Promise<KubeObject> {
  if (served.customPart) return served.customPart.stored(object);
  return served.kind.storage ? served.kind.storage.toStored(object) : object;
}
