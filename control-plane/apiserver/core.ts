// What verbs work with: the server's parts, and what one request is about.
import type { Kind } from '../../api/kinds/index.ts';
import { apiVersionOf, type KubeObject, type Schema } from '../../api/meta/index.ts';
import type { Clock, Logger } from '../../kit/run/index.ts';
import type { ServerServices, SubresourceHandlers } from './handlers.ts';
import type { KindTable, ServedKind } from './kind-table.ts';
import type { AdmissionPlugin, ApiRequest, ApiResponse } from './request.ts';
import type { Item } from './storage/item.ts';
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

/** Makes stored objects ready for `viewOf`: those of most kinds are. Throws when a conversion webhook fails. */
export function prepareViews(served: ServedKind, items: readonly Item[]): Promise<void> | undefined {
  return served.customPart?.prepare?.(items.map((item) => item.object));
}

/** `viewOf` after what it needs. */
export async function shownOf(served: ServedKind, item: Item): Promise<KubeObject> {
  if (served.customPart?.prepare) await served.customPart.prepare([item.object]);
  return viewOf(served, item);
}

/** The form that is stored. Throws when a conversion webhook fails. */
export async function storedOf(served: ServedKind, object: KubeObject): Promise<KubeObject> {
  if (served.customPart) return served.customPart.stored(object);
  return served.kind.storage ? served.kind.storage.toStored(object) : object;
}
