// Entry of agent/certificates: the node's identity, from its first certificate to the next ones.
export { nodeIdentity } from './identity.ts';
