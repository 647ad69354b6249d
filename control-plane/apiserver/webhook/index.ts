// Entry of webhook: the client that asks webhooks, and what finds a Service's address from the control plane's network.
export { Agents, type Trust } from './agents.ts';
export { BadConfig, type PostOptions, WebhookClient, WebhookFailure } from './client.ts';
export { authorityOf, type ClientConfig, DEFAULT_PORT, type ServiceReference, serverNameOf } from './client-config.ts';
export { type ConversionWebhook, convertObjects } from './conversion.ts';
export { connectionText } from './go-errors.ts';
export { type Address, readyAddresses, resolveService, serviceOf, slicesOf } from './service-address.ts';
