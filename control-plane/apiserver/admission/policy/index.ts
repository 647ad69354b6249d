// Entry of admission policies: the two plug-ins that evaluate users' expressions.
import type { Authorizer } from '../../authz/index.ts';
import type { ServerServices } from '../../handlers.ts';
import type { AdmissionPlugin } from '../../request.ts';
import { MutatingPolicies } from './mutating.ts';
import { ValidatingPolicies } from './validating.ts';

export const mutatingPolicies = (services: ServerServices, authorizer: Authorizer): AdmissionPlugin =>
  new MutatingPolicies(services, authorizer);
export const validatingPolicies = (services: ServerServices, authorizer: Authorizer): AdmissionPlugin =>
  new ValidatingPolicies(services, authorizer);
