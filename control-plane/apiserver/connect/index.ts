// Entry of connect: requests that are passed on to agents, pods and services.
import type { Authorizer } from '../authz/index.ts';
import type { SubresourceHandlers } from '../handlers.ts';
import { type AgentCredentials, podHandlers } from './pods.ts';
import { proxyHandlers } from './proxy.ts';

export { type Backend, pass, textFrom } from './backend.ts';
export { addressOf } from './node-address.ts';
export type { AgentCredentials } from './pods.ts';

/** `credentials`: the server's certificate towards the agents, and the authority that signed theirs. */
export const connectHandlers = (credentials: AgentCredentials, authorizer: Authorizer): SubresourceHandlers => ({
  ...podHandlers(credentials, authorizer),
  ...proxyHandlers(credentials),
});
