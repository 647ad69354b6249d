// Entry of agent/certificates: the node's identity, from its first certificate to the next ones.
export { type IdentityOptions, nodeIdentity, type ServingCertificate } from './identity.ts';
