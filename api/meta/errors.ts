// Builders of StatusError, with the texts that clients of Kubernetes know (apimachinery's api/errors).
import type { Problem } from './problems.ts';
import { type StatusCause, StatusError } from './status.ts';

export interface GroupResource {
  group: string;
  /** Plural, lower case. */
  plural: string;
}

export interface GroupKind {
  group: string;
  kind: string;
}

/** `pods`, `deployments.apps` */
const qualifiedResource = (resource: GroupResource): string =>
  resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;

/** `Pod`, `Deployment.apps` */
const qualifiedKind = (kind: GroupKind): string => (kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`);

function detailsOf(resource: GroupResource, name: string): { name?: string; group?: string; kind?: string } {
  return {
    ...(name ? { name } : {}),
    ...(resource.group ? { group: resource.group } : {}),
    ...(resource.plural ? { kind: resource.plural } : {}),
  };
}

export const notFound = (resource: GroupResource, name: string): StatusError =>
  new StatusError(404, 'NotFound', `${qualifiedResource(resource)} "${name}" not found`, detailsOf(resource, name));

/** 404 for a path that no handler serves. */
export const pathNotFound = (): StatusError => new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});

export const alreadyExists = (resource: GroupResource, name: string): StatusError =>
  new StatusError(409, 'AlreadyExists', `${qualifiedResource(resource)} "${name}" already exists`, detailsOf(resource, name));

/** Every generated name was taken. */
export const generateNameConflict = (resource: GroupResource, name: string): StatusError =>
  new StatusError(
    409,
    'AlreadyExists',
    `${qualifiedResource(resource)} "${name}" already exists, the server was not able to generate a unique name for the object`,
    { ...detailsOf(resource, name), retryAfterSeconds: 1 },
  );

const staleObjectText = 'the object has been modified; please apply your changes to the latest version and try again';

export const conflict = (resource: GroupResource, name: string, why: string = staleObjectText): StatusError =>
  new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${why}`,
    detailsOf(resource, name),
  );

/** 409 of server-side apply. `causes` name a field and its other managers each. */
export const applyConflict = (causes: readonly StatusCause[], message: string): StatusError =>
  new StatusError(409, 'Conflict', message, { causes: [...causes] });

/** One line of all problems: the text alone when it is one, a bracketed list without repetitions otherwise. */
function joinProblems(problems: readonly Problem[]): string {
  const texts = [...new Set(problems.map((problem) => `${problem.field}: ${problem.message}`))];
  return texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
}

export function invalid(kind: GroupKind, name: string, problems: readonly Problem[]): StatusError {
  const message =
    problems.length === 0
      ? `${qualifiedKind(kind)} "${name}" is invalid`
      : `${qualifiedKind(kind)} "${name}" is invalid: ${joinProblems(problems)}`;
  return new StatusError(422, 'Invalid', message, {
    ...(name ? { name } : {}),
    ...(kind.group ? { group: kind.group } : {}),
    ...(kind.kind ? { kind: kind.kind } : {}),
    ...(problems.length ? { causes: problems.map(({ reason, message, field }) => ({ reason, message, field })) } : {}),
  });
}

/** A refusal by admission or policy: `pods "x" is forbidden: why`. */
export function forbidden(resource: GroupResource, name: string, why: string): StatusError {
  let subject = qualifiedResource(resource);
  if (name !== '') subject += ` "${name}"`;
  const message = subject === '' ? `forbidden: ${why}` : `${subject} is forbidden: ${why}`;
  return new StatusError(403, 'Forbidden', message, detailsOf(resource, name));
}

export const unauthorized = (why = 'Unauthorized'): StatusError => new StatusError(401, 'Unauthorized', why);

export const badRequest = (why: string): StatusError => new StatusError(400, 'BadRequest', why);

export const methodNotAllowed = (resource: GroupResource, verb: string): StatusError =>
  new StatusError(405, 'MethodNotAllowed', `${verb} is not supported on resources of kind "${qualifiedResource(resource)}"`, {
    ...detailsOf(resource, ''),
  });

/** 405 for a method that a path does not have at all. */
export const methodUnknown = (): StatusError =>
  new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

export const notAcceptable = (accepted: readonly string[]): StatusError =>
  new StatusError(406, 'NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`);

export const unsupportedMediaType = (accepted: readonly string[]): StatusError =>
  new StatusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );

export const requestEntityTooLarge = (why: string): StatusError =>
  new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: ${why}`);

/** 410 `Expired`: an RV or a continue token whose history is gone. */
export const expired = (why: string): StatusError => new StatusError(410, 'Expired', why);

/** 410 whose Status carries a token that goes on, inconsistently, after the last key (the listener puts it in metadata.continue). */
class ContinueExpired extends StatusError {
  readonly continueToken: string;
  constructor(continueToken: string) {
    super(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    );
    this.continueToken = continueToken;
  }
  override toStatus(): ReturnType<StatusError['toStatus']> {
    return { ...super.toStatus(), metadata: { continue: this.continueToken } };
  }
}

export const continueExpired = (continueToken: string): StatusError => new ContinueExpired(continueToken);

/** 504 for an RV that this store has not reached. */
export const futureResourceVersion = (wanted: string | bigint, current: string | bigint): StatusError =>
  new StatusError(504, 'Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });

export const tooManyRequests = (why: string, retryAfterSeconds = 1, causes?: readonly StatusCause[]): StatusError =>
  new StatusError(429, 'TooManyRequests', why, {
    ...(causes ? { causes: [...causes] } : {}),
    ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
  });

export const serviceUnavailable = (why: string): StatusError => new StatusError(503, 'ServiceUnavailable', why);

export const internalError = (why: string): StatusError =>
  new StatusError(500, 'InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] });
