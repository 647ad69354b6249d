// The Event kind of the core group, where events.k8s.io's are stored too.

import type { KubeObject } from '../../meta/index.ts';
import { since, string } from '../columns.ts';
import type { Behaviour, Column } from '../kind.ts';
import type { CoreEvent } from './event-form.ts';
import { validateEvent } from './event-validate.ts';

const eventOf = (object: KubeObject): CoreEvent => object as unknown as CoreEvent;

const cell = (name: string, of: (event: CoreEvent, nowMs: number) => string, wide = false): Column =>
  string(name, (object, nowMs) => of(eventOf(object), nowMs), wide);

const firstSeen = (event: CoreEvent, nowMs: number): string => since(event.firstTimestamp ?? event.eventTime, nowMs);

function lastSeen(event: CoreEvent, nowMs: number): string {
  if (event.series) return since(event.series.lastObservedTime, nowMs);
  return event.lastTimestamp ? since(event.lastTimestamp, nowMs) : firstSeen(event, nowMs);
}

function objectText({ involvedObject }: CoreEvent): string {
  const kind = (involvedObject?.kind ?? '').toLowerCase();
  return involvedObject?.name ? `${kind}/${involvedObject.name}` : kind;
}

function sourceText(event: CoreEvent): string {
  const component = event.source?.component || event.reportingComponent || '';
  const instance = event.source?.host || event.reportingInstance || '';
  return instance === '' ? component : `${component}, ${instance}`;
}

export const event: Behaviour = {
  validate: (object) => validateEvent(eventOf(object)),
  createOnUpdate: true,
  ttlSeconds: 3600,
  fieldSelectors: {
    'involvedObject.kind': (object) => object['involvedObject']?.kind ?? '',
    'involvedObject.namespace': (object) => object['involvedObject']?.namespace ?? '',
    'involvedObject.name': (object) => object['involvedObject']?.name ?? '',
    'involvedObject.uid': (object) => object['involvedObject']?.uid ?? '',
    'involvedObject.apiVersion': (object) => object['involvedObject']?.apiVersion ?? '',
    'involvedObject.resourceVersion': (object) => object['involvedObject']?.resourceVersion ?? '',
    'involvedObject.fieldPath': (object) => object['involvedObject']?.fieldPath ?? '',
    reason: (object) => object['reason'] ?? '',
    reportingComponent: (object) => object['reportingComponent'] ?? '',
    source: (object) => object['source']?.component || object['reportingComponent'] || '',
    type: (object) => object['type'] ?? '',
  },
  columns: [
    cell('Last Seen', lastSeen),
    cell('Type', (one) => one.type ?? ''),
    cell('Reason', (one) => one.reason ?? ''),
    cell('Object', objectText),
    cell('Subobject', (one) => one.involvedObject?.fieldPath ?? '', true),
    cell('Source', sourceText, true),
    cell('Message', (one) => (one.message ?? '').trim()),
    cell('First Seen', firstSeen, true),
    { name: 'Count', type: 'string', priority: 1, of: (object) => eventOf(object).series?.count ?? (eventOf(object).count || 1) },
    { ...cell('Name', (one) => one.metadata.name ?? '', true), format: 'name' },
  ],
};
