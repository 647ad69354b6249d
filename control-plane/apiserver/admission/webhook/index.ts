// Entry of admission webhooks: the two plug-ins that ask servers of users.
import type { Authorizer } from '../../authz/index.ts';
import type { ServerServices } from '../../handlers.ts';
import type { AdmissionPlugin } from '../../request.ts';
import { MutatingWebhooks } from './mutating.ts';
import { ValidatingWebhooks } from './validating.ts';

/** `authorizer`: for what match conditions ask of it. */
export const mutatingWebhooks = (services: ServerServices, authorizer: Authorizer): AdmissionPlugin =>
  new MutatingWebhooks(services, authorizer);

export const validatingWebhooks = (services: ServerServices, authorizer: Authorizer): AdmissionPlugin =>
  new ValidatingWebhooks(services, authorizer);
export { type ViewIn, viewOf, viewsOf } from './invocation.ts';
export { type Reinvocation, Rounds } from './reinvocation.ts';
export type { View } from './review.ts';
