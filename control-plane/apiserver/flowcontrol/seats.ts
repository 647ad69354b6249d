// How much of the server a request takes: lists take more the more objects they go through. Pure.
import type { RequestInfo } from '../request.ts';
import { isTrue } from '../requestinfo.ts';

/** Upstream's figures: a seat for each hundred objects, ten at most. */
const OBJECTS_PER_SEAT = 100;
const SEATS_MAX = 10;

/** `stored`: how many objects of the resource there are. */
export function seatsOf(info: RequestInfo, query: URLSearchParams, stored: () => number): number {
  const initial = info.verb === 'watch' && (isTrue(query.get('sendInitialEvents')) || !Number(query.get('resourceVersion') || 0));
  if (info.verb !== 'list' && info.verb !== 'deletecollection' && !initial) return 1;
  if (info.name !== '') return 1;
  const limit = Number(query.get('limit') ?? 0);
  const all = stored();
  // Without a selector a page costs its own objects; with one, all may have to be looked at.
  const selective = query.has('labelSelector') || query.has('fieldSelector');
  const touched = limit > 0 && !selective && query.get('resourceVersion') !== '0' ? Math.min(limit, all) : all;
  return Math.min(SEATS_MAX, Math.max(1, Math.ceil(touched / OBJECTS_PER_SEAT)));
}
