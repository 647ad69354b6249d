// Certificate signing requests: nodes' own are approved when they may ask, approved ones of our signers are signed.
import type { CertificateSigningRequest } from '../../../api/gen/types/certificates.v1.ts';
import type { Endpoints, Node } from '../../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../../api/meta/index.ts';
import { RESOURCES } from '../../../kit/client/index.ts';
import { certify, parseSigningRequest, type SigningRequest } from '../../../kit/net/index.ts';
import { done, type Outcome } from '../../../kit/queue/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { daysFor, isOurs, isServing, nodeNameOf, refusal, selfApproval, usagesOf } from './signers.ts';

const has = (csr: CertificateSigningRequest, type: string): boolean => csr.status?.conditions?.some((item) => item.type === type) === true;

function withCondition(
  csr: CertificateSigningRequest,
  nowMs: number,
  type: string,
  reason: string,
  message: string,
): CertificateSigningRequest {
  const now = rfc3339(nowMs);
  const condition = { type, status: 'True', reason, message, lastUpdateTime: now, lastTransitionTime: now };
  return { ...csr, status: { ...csr.status, conditions: [...(csr.status?.conditions ?? []), condition] } };
}

async function mayAsk(context: ControllerContext, csr: CertificateSigningRequest, subresource: string): Promise<boolean> {
  const { username, groups, uid, extra } = csr.spec;
  const review = await context.client.create<{ status?: { allowed?: boolean } }>(RESOURCES.subjectaccessreviews, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: {
      user: username,
      groups,
      ...(uid ? { uid } : {}),
      ...(extra ? { extra } : {}),
      resourceAttributes: {
        group: 'certificates.k8s.io',
        version: 'v1',
        resource: 'certificatesigningrequests',
        subresource,
        verb: 'create',
      },
    },
  });
  return review.status?.allowed === true;
}

const APPROVALS = {
  selfnodeclient: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
  nodeclient: 'Auto approving kubelet client certificate after SubjectAccessReview.',
  selfnodeserver: 'Auto approving self kubelet server certificate after SubjectAccessReview.',
};

async function approve(context: ControllerContext, csr: CertificateSigningRequest, request: SigningRequest): Promise<void> {
  const known = isServing(csr.spec.signerName ?? '') ? await namesOfNode(context, nodeNameOf(request)) : undefined;
  const right = selfApproval(asked(csr), request, known);
  if (!right || !(await mayAsk(context, csr, right))) return;
  const approved = withCondition(csr, context.clock.nowMs(), 'Approved', 'AutoApproved', APPROVALS[right]);
  await context.client.update(RESOURCES.certificatesigningrequests, approved, { subresource: 'approval' });
}

/** A node that names another node's address, or the API server's, gets no certificate for it by itself. */
async function namesOfNode({ client }: ControllerContext, nodeName: string): Promise<ReadonlySet<string>> {
  const [nodes, api] = await Promise.all([
    client.list<Node & KubeObject>(RESOURCES.nodes),
    client.get<Endpoints & KubeObject>(RESOURCES.endpoints, 'kubernetes', { namespace: 'default' }),
  ]);
  const addressesOf = ({ status }: Node) => (status?.addresses ?? []).map(({ address }) => address);
  const own = nodes.items.filter(({ metadata }) => metadata.name === nodeName).flatMap(addressesOf);
  const others = nodes.items.filter(({ metadata }) => metadata.name !== nodeName).flatMap(addressesOf);
  const taken = new Set([...others, ...(api.subsets ?? []).flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip))]);
  return new Set(own.filter((address) => !taken.has(address)));
}

const asked = ({ spec }: CertificateSigningRequest) => ({
  signerName: spec.signerName ?? '',
  usages: spec.usages ?? [],
  username: spec.username ?? '',
});

async function sign(context: ControllerContext, csr: CertificateSigningRequest, request: SigningRequest): Promise<void> {
  const { signer } = context.config;
  if (!signer) return;
  const nowMs = context.clock.nowMs();
  const why = refusal(asked(csr), request);
  if (why) {
    const failed = withCondition(csr, nowMs, 'Failed', 'SignerValidationFailure', why);
    await context.client.update(RESOURCES.certificatesigningrequests, failed, { subresource: 'status' });
    return;
  }
  const leaf = { ...request, usages: usagesOf(csr.spec.usages ?? []), days: daysFor(csr.spec.expirationSeconds) };
  const certificate = Buffer.from(certify(signer, leaf, request.spki, nowMs)).toString('base64');
  await context.client.update(
    RESOURCES.certificatesigningrequests,
    { ...csr, status: { ...csr.status, certificate } },
    { subresource: 'status' },
  );
}

export const certificatesController: Controller = {
  name: 'certificates',
  user: account('certificate-controller'),
  start(context, signal, ready) {
    const requests = context.informers.of<CertificateSigningRequest>(RESOURCES.certificatesigningrequests);
    const queue = reconcilerOf('certificates', context, signal, ready, async (name): Promise<Outcome> => {
      const csr = requests.get(name);
      if (!csr || !isOurs(csr.spec.signerName ?? '') || csr.status?.certificate || has(csr, 'Denied') || has(csr, 'Failed')) return done;
      const request = parseSigningRequest(Buffer.from(String(csr.spec.request), 'base64').toString());
      await (has(csr, 'Approved') ? sign(context, csr, request) : approve(context, csr, request));
      return done;
    });
    requests.on({
      added: ({ metadata }) => queue.add(metadata.name ?? ''),
      updated: (_, { metadata }) => queue.add(metadata.name ?? ''),
    });
  },
};
