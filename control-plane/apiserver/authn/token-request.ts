// serviceaccounts/token: a new token for a service account, bound to a pod, secret or node if asked.
import { randomUUID } from 'node:crypto';
import {
  badRequest,
  conflict,
  invalid,
  invalidValue,
  type KubeObject,
  notFound,
  type Problem,
  parseApiVersion,
} from '../../../api/meta/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import type { HandlerContext, SubresourceHandler } from '../handlers.ts';
import { annotate, type Reader } from '../request.ts';
import { fitNamespace } from '../write/body.ts';
import { type SigningKey, signToken } from './jwt.ts';
import { type BoundClaims, claimsFor, credentialIdOf } from './service-account-token.ts';

const KIND = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
const DEFAULT_EXPIRATION_SECONDS = 3600;
const MIN_EXPIRATION_SECONDS = 600;

export interface TokenRequestOptions {
  signingKey: SigningKey;
  issuer: string;
  audiences: readonly string[];
}

const BINDABLE: Readonly<Record<string, { plural: string; namespaced: boolean } | undefined>> = {
  Pod: { plural: 'pods', namespaced: true },
  Secret: { plural: 'secrets', namespaced: true },
  Node: { plural: 'nodes', namespaced: false },
};

const fresh = (reader: Reader, plural: string, namespace: string, name: string): Promise<KubeObject | undefined> =>
  reader.getFresh({ group: '', plural }, namespace, name);

async function found(reader: Reader, plural: string, namespace: string, name: string): Promise<KubeObject> {
  const resource = { group: '', plural };
  const object = reader.get(resource, namespace, name) ?? (await fresh(reader, plural, namespace, name));
  if (!object) throw notFound(resource, name);
  return object;
}

function checkExpiration(seconds: number): void {
  const problems: Problem[] = [];
  if (seconds < MIN_EXPIRATION_SECONDS)
    problems.push(invalidValue('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes'));
  if (seconds > 2 ** 32)
    problems.push(invalidValue('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds'));
  if (problems.length > 0) throw invalid(KIND, '', problems);
}

const refOf = (object: KubeObject): { name: string; uid: string } => ({ name: object.metadata.name!, uid: object.metadata.uid! });

async function boundTo(reader: Reader, namespace: string, account: string, ref: any): Promise<Partial<BoundClaims>> {
  if (!ref) return {};
  const { group, version } = parseApiVersion(ref.apiVersion ?? '');
  const bindable = group === '' && Object.hasOwn(BINDABLE, ref.kind ?? '') ? BINDABLE[ref.kind] : undefined;
  if (!bindable) throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${ref.kind ?? ''}`);
  const object = await found(reader, bindable.plural, bindable.namespaced ? namespace : '', ref.name);
  if (ref.kind === 'Pod' && object['spec']?.serviceAccountName !== account)
    throw badRequest(`cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`);
  if (ref.uid && ref.uid !== object.metadata.uid)
    throw conflict(
      { group: '', plural: ref.kind },
      ref.name,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (ref.kind === 'Secret') return { secret: refOf(object) };
  if (ref.kind === 'Node') return { node: refOf(object) };
  const nodeName: string | undefined = object['spec'].nodeName;
  const node = nodeName ? reader.get({ group: '', plural: 'nodes' }, '', nodeName) : undefined;
  return { pod: refOf(object), ...(nodeName ? { node: node ? refOf(node) : { name: nodeName, uid: '' } } : {}) };
}

/** What the server fills in, between the admission that may change the request and the one that only checks it. Answers the account. */
async function complete({ request, services }: HandlerContext, asked: KubeObject, audiences: readonly string[]): Promise<KubeObject> {
  const { namespace, name } = request.info;
  const { metadata, spec } = asked as KubeObject & { spec: Record<string, any> };
  if (metadata.name && metadata.name !== name)
    throw invalid(KIND, name, [invalidValue('metadata.name', metadata.name, 'must match the service account name if specified')]);
  const account = await found(services.reader, 'serviceaccounts', namespace, name);
  const uid = account.metadata.uid!;
  if (metadata.uid && metadata.uid !== uid)
    throw conflict(
      { group: KIND.group, plural: KIND.kind },
      name,
      `the UID in the token request (${metadata.uid}) does not match the UID of the service account (${uid})`,
    );
  if (!spec['audiences']?.length) spec['audiences'] = audiences;
  asked.metadata = { name, namespace, uid, creationTimestamp: rfc3339(services.clock.nowMs()) };
  delete asked['status'];
  checkExpiration(spec['expirationSeconds']);
  return account;
}

async function respond(context: HandlerContext, options: TokenRequestOptions) {
  const { request, services } = context;
  const { namespace, name } = request.info;
  const body = await context.decode();
  fitNamespace(body, namespace);
  body['spec'] = { ...body['spec'], expirationSeconds: body['spec']?.expirationSeconds ?? DEFAULT_EXPIRATION_SECONDS };
  let account: KubeObject | undefined;
  const { metadata, spec } = (await context.admit('CREATE', body, undefined, async (asked) => {
    account = await complete(context, asked, options.audiences);
  })) as KubeObject & { spec: Record<string, any> };
  const { audiences, expirationSeconds, boundObjectRef = null } = spec;
  const bound = await boundTo(services.reader, namespace, name, boundObjectRef);
  const nowSeconds = Math.floor(services.clock.nowMs() / 1000);
  const tokenId = randomUUID();
  const claims = claimsFor({
    issuer: options.issuer,
    audiences,
    apiAudiences: options.audiences,
    expirationSeconds,
    bound: { namespace, serviceaccount: refOf(account!), ...bound },
    tokenId,
    nowSeconds,
  });
  annotate(request, 'authentication.kubernetes.io/issued-credential-id', credentialIdOf(tokenId));
  const answer: KubeObject = {
    kind: KIND.kind,
    apiVersion: `${KIND.group}/v1`,
    metadata,
    spec: { audiences, expirationSeconds, boundObjectRef },
    status: { token: signToken(claims, options.signingKey), expirationTimestamp: rfc3339((nowSeconds + expirationSeconds) * 1000) },
  };
  return { status: 201, body: answer };
}

export const tokenRequestHandler = (options: TokenRequestOptions): SubresourceHandler => ({
  create: (context) => respond(context, options),
});
