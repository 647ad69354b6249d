// The signers of certificates.k8s.io that the cluster itself runs: whom they sign for, and what. Pure.
import type { SigningRequest, Usage } from '../../../kit/net/index.ts';

const CLIENT = 'kubernetes.io/kube-apiserver-client';
const NODE_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
const NODE_SERVING = 'kubernetes.io/kubelet-serving';

const NODES_GROUP = 'system:nodes';
const NODE_PREFIX = 'system:node:';
const DAY_SECONDS = 86_400;
/** The longest life of a certificate that is signed here, and the life of one that asks for none. */
const MAX_SECONDS = 365 * DAY_SECONDS;

interface Asked {
  signerName: string;
  usages: readonly string[];
  /** Who made the request. */
  username: string;
}

function usageProblem(usages: readonly string[], required: string): string | undefined {
  const allowed = ['digital signature', 'key encipherment', required];
  if (!usages.includes(required)) return `usages did not include [${required}]`;
  const other = usages.find((usage) => !allowed.includes(usage));
  return other === undefined ? undefined : `usage ${JSON.stringify(other)} is not allowed by this signer`;
}

function nodeProblem(request: SigningRequest): string | undefined {
  if (request.organizations.length !== 1 || request.organizations[0] !== NODES_GROUP) return `subject organization is not ${NODES_GROUP}`;
  return request.commonName.startsWith(NODE_PREFIX) ? undefined : `subject common name does not begin with ${NODE_PREFIX}`;
}

const hasNames = ({ dnsNames, ips }: SigningRequest): boolean => dnsNames.length + ips.length > 0;

/** Why this signer does not sign the request, in words; undefined when it does. */
export function refusal({ signerName, usages, username }: Asked, request: SigningRequest): string | undefined {
  if (signerName === CLIENT) return usageProblem(usages, 'client auth');
  const node = nodeProblem(request);
  if (node) return node;
  if (request.emails.length > 0) return 'email subjectAltNames are not allowed';
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed';
  if (signerName === NODE_CLIENT) {
    if (hasNames(request)) return 'DNS and IP subjectAltNames are not allowed';
    return usageProblem(usages, 'client auth');
  }
  if (!hasNames(request)) return 'at least one DNS or IP subjectAltName is required';
  if (username !== request.commonName) return `requestor ${username} is not the node ${request.commonName}`;
  return usageProblem(usages, 'server auth');
}

export const isOurs = (signerName: string): boolean => [CLIENT, NODE_CLIENT, NODE_SERVING].includes(signerName);

export const usagesOf = (usages: readonly string[]): Usage[] => [
  ...(usages.includes('client auth') ? (['client'] as const) : []),
  ...(usages.includes('server auth') ? (['server'] as const) : []),
];

/** Days of validity for a request that asks for `seconds`. */
export const daysFor = (seconds: number | undefined): number => Math.min(seconds ?? MAX_SECONDS, MAX_SECONDS) / DAY_SECONDS;

/**
 * The right (a sub-resource of certificatesigningrequests) by which a node's certificate is approved at once; undefined: a person decides.
 * `selfnodeserver` is asked for names that the node is known by and nothing else (`known`): its own, and the addresses of its Node.
 */
export function selfApproval(
  { signerName, usages, username }: Asked,
  request: SigningRequest,
  known: ReadonlySet<string> = new Set(),
): 'selfnodeclient' | 'nodeclient' | 'selfnodeserver' | undefined {
  if (refusal({ signerName, usages, username }, request)) return undefined;
  if (signerName === NODE_SERVING)
    return [...request.dnsNames, ...request.ips].every((name) => known.has(name)) ? 'selfnodeserver' : undefined;
  if (signerName !== NODE_CLIENT) return undefined;
  return username === request.commonName ? 'selfnodeclient' : 'nodeclient';
}

/** The name of the node that a certificate of these nodes is for. */
export const nodeNameOf = ({ commonName }: SigningRequest): string => commonName.slice(NODE_PREFIX.length);

export const isServing = (signerName: string): boolean => signerName === NODE_SERVING;
