// Entry of webhook: the client that asks webhooks, and what finds a Service's address from the control plane's network.
export { Agents } from './agents.ts';
export { BadConfig, WebhookClient, WebhookFailure } from './client.ts';
export { authorityOf, type ClientConfig, type ServiceReference, serverNameOf } from './client-config.ts';
export { convertObjects } from './conversion.ts';
export { readyAddresses, resolveService, serviceOf, slicesOf } from './service-address.ts';
