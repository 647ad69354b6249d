// Entry of admission webhooks: the two plug-ins that ask servers of users.
import type { ServerServices } from '../../handlers.ts';
import type { AdmissionPlugin } from '../../request.ts';
import { MutatingWebhooks } from './mutating.ts';
import { ValidatingWebhooks } from './validating.ts';

export const mutatingWebhooks = (services: ServerServices): AdmissionPlugin => new MutatingWebhooks(services);
export const validatingWebhooks = (services: ServerServices): AdmissionPlugin => new ValidatingWebhooks(services);
