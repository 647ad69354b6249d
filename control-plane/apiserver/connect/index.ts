// Entry of connect: requests that are passed on to agents, pods and services.
import type { SubresourceHandlers } from '../handlers.ts';

export interface ConnectOptions {
  /** Towards the agents: client certificate and key, and the authority that signed theirs (PEM). */
  cert: string;
  key: string;
  ca: string;
}

export const connectHandlers = (_options: ConnectOptions): SubresourceHandlers => ({});
