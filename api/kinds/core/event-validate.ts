// Checks of events, as both APIs make them.
import { dns1123Subdomain, invalidValue, type Problem, qualifiedName, required } from '../../meta/index.ts';
import { texts } from '../rules.ts';
import type { CoreEvent } from './event-form.ts';

const tooLong = (field: string, value: string | undefined, max: number): Problem[] =>
  Buffer.byteLength(value ?? '') > max ? [invalidValue(field, '', `can have at most ${max} characters`)] : [];

/** `controllerField` is the reporting controller's name in the API that is used. Events with an eventTime are of the new form. */
export function validateEvent(event: CoreEvent, controllerField = 'reportingComponent'): Problem[] {
  const namespace = event.metadata.namespace ?? '';
  const problems = event.eventTime ? validateNew(event, controllerField) : validateOld(event);
  return [...problems, ...texts('namespace', namespace, dns1123Subdomain(namespace))];
}

const mismatch = (event: CoreEvent): Problem =>
  invalidValue('involvedObject.namespace', event.involvedObject?.namespace ?? '', 'does not match event.namespace');

function validateOld(event: CoreEvent): Problem[] {
  const namespace = event.metadata.namespace ?? '';
  const involved = event.involvedObject?.namespace ?? '';
  const fits = involved === '' ? namespace === '' || namespace === 'default' : namespace === involved;
  return fits ? [] : [mismatch(event)];
}

function validateNew(event: CoreEvent, controllerField: string): Problem[] {
  const namespace = event.metadata.namespace ?? '';
  const problems: Problem[] = [];
  if (!event.involvedObject?.namespace && namespace !== 'default' && namespace !== 'kube-system') problems.push(mismatch(event));
  const controller = event.reportingComponent ?? '';
  if (controller === '') problems.push(required(controllerField));
  problems.push(...texts(controllerField, controller, qualifiedName(controller)));
  if (!event.reportingInstance) problems.push(required('reportingInstance'));
  problems.push(...tooLong('reportingInstance', event.reportingInstance, 128));
  if (!event.action) problems.push(required('action'));
  problems.push(...tooLong('action', event.action, 128));
  if (!event.reason) problems.push(required('reason'));
  return [...problems, ...tooLong('reason', event.reason, 128), ...tooLong('message', event.message, 1024)];
}
