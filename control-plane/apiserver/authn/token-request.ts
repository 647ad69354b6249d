// serviceaccounts/token: a new token for a service account, bound to a pod, secret or node if asked.
import { randomUUID } from 'node:crypto';
import { badRequest, conflict, invalid, invalidValue, type KubeObject, notFound, type Problem } from '../../../api/meta/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import type { HandlerContext, SubresourceHandler } from '../handlers.ts';
import type { Reader } from '../request.ts';
import { type SigningKey, signToken } from './jwt.ts';
import { type BoundClaims, claimsFor } from './service-account-token.ts';

const KIND = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
const DEFAULT_EXPIRATION_SECONDS = 3600;
const MIN_EXPIRATION_SECONDS = 600;

export interface TokenRequestOptions {
  signingKey: SigningKey;
  issuer: string;
  audiences: readonly string[];
}

const BINDABLE: Record<string, { plural: string; namespaced: boolean } | undefined> = {
  'v1/Pod': { plural: 'pods', namespaced: true },
  'v1/Secret': { plural: 'secrets', namespaced: true },
  'v1/Node': { plural: 'nodes', namespaced: false },
};

const fresh = (reader: Reader, plural: string, namespace: string, name: string): Promise<KubeObject | undefined> =>
  reader.getFresh({ group: '', plural }, namespace, name);

async function found(reader: Reader, plural: string, namespace: string, name: string): Promise<KubeObject> {
  const resource = { group: '', plural };
  const object = reader.get(resource, namespace, name) ?? (await fresh(reader, plural, namespace, name));
  if (!object) throw notFound(resource, name);
  return object;
}

function check(name: string, seconds: number, given: string | undefined): void {
  if (given && given !== name)
    throw invalid(KIND, name, [invalidValue('metadata.name', given, 'must match the service account name if specified')]);
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
  const [group, version] = String(ref.apiVersion ?? '').includes('/') ? ref.apiVersion.split('/') : ['', ref.apiVersion ?? ''];
  const bindable = BINDABLE[`${group ? `${group}/` : ''}${version}/${ref.kind}`];
  if (!bindable) throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${ref.kind}`);
  const object = await found(reader, bindable.plural, bindable.namespaced ? namespace : '', ref.name);
  if (ref.uid && ref.uid !== object.metadata.uid)
    throw conflict(
      { group: '', plural: ref.kind },
      ref.name,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (ref.kind === 'Secret') return { secret: refOf(object) };
  if (ref.kind === 'Node') return { node: refOf(object) };
  const used = object['spec']?.serviceAccountName;
  if (used !== account)
    throw badRequest(`cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`);
  const nodeName: string | undefined = object['spec'].nodeName;
  const node = nodeName ? reader.get({ group: '', plural: 'nodes' }, '', nodeName) : undefined;
  return { pod: refOf(object), ...(nodeName ? { node: node ? refOf(node) : { name: nodeName, uid: '' } } : {}) };
}

async function respond(context: HandlerContext, options: TokenRequestOptions) {
  const { request, services } = context;
  const { namespace, name } = request.info;
  const account = await found(services.reader, 'serviceaccounts', namespace, name);
  const body = await context.decode();
  const spec = body['spec'] ?? {};
  const seconds: number = spec.expirationSeconds ?? DEFAULT_EXPIRATION_SECONDS;
  const audiences: readonly string[] = spec.audiences?.length ? spec.audiences : options.audiences;
  check(name, seconds, body.metadata?.name);
  const bound = await boundTo(services.reader, namespace, name, spec.boundObjectRef);
  const nowMs = services.clock.nowMs();
  const answer: KubeObject = {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, uid: account.metadata.uid!, creationTimestamp: rfc3339(nowMs) },
    spec: { audiences, expirationSeconds: seconds, boundObjectRef: spec.boundObjectRef ?? null },
  };
  await context.admit('CREATE', answer);
  const nowSeconds = Math.floor(nowMs / 1000);
  const claims = claimsFor({
    issuer: options.issuer,
    audiences,
    expirationSeconds: seconds,
    bound: { namespace, serviceaccount: refOf(account), ...bound },
    tokenId: randomUUID(),
    nowSeconds,
  });
  answer['status'] = { token: signToken(claims, options.signingKey), expirationTimestamp: rfc3339((nowSeconds + seconds) * 1000) };
  return { status: 201, body: answer };
}

export const tokenRequestHandler = (options: TokenRequestOptions): SubresourceHandler => ({
  create: (context) => respond(context, options),
});
