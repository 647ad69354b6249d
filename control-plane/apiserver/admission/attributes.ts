// Questions that most plug-ins ask of a request.
import { forbidden, type StatusError } from '../../../api/meta/index.ts';
import type { Attributes } from '../request.ts';

/** The main resource of that kind, for one of the operations. */
export const concerns = (attributes: Attributes, group: string, kind: string, ...operations: Attributes['operation'][]): boolean =>
  attributes.subresource === '' &&
  attributes.kind.kind === kind &&
  attributes.kind.group === group &&
  operations.includes(attributes.operation) &&
  attributes.object !== undefined;

/** A running pod is given other resources. */
export const isResize = ({ kind, object, subresource }: Attributes): boolean =>
  subresource === 'resize' && kind.group === '' && kind.kind === 'Pod' && object !== undefined;

/** A name that is still to be generated is told by its beginning. */
const nameOf = ({ name, object }: Attributes): string => name || (object?.metadata?.generateName ?? '');

/** 403 about the object of the request: `pods "x" is forbidden: why`. */
export const refused = (attributes: Attributes, why: string): StatusError =>
  forbidden({ group: attributes.kind.group, plural: attributes.kind.plural }, nameOf(attributes), why);

/** Pods that an agent made from a file: nothing is added to them. */
export const isMirrorPod = (attributes: Attributes): boolean =>
  attributes.object?.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
