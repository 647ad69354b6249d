// Certificate signing requests: nodes' own are approved when they may ask, approved ones of our signers are signed.
import type { CertificateSigningRequest } from '../../../api/gen/types/certificates.v1.ts';
import { RESOURCES, type Resource } from '../../../kit/client/index.ts';
import { certify, parseSigningRequest, type SigningRequest } from '../../../kit/net/index.ts';
import { done, type Outcome } from '../../../kit/queue/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { account, type Controller, type ControllerContext, reconcilerOf } from '../controller.ts';
import { daysFor, isOurs, refusal, selfApproval, usagesOf } from './signers.ts';

const REVIEWS: Resource = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
};

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
  const review = await context.client.create<{ status?: { allowed?: boolean } }>(REVIEWS, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
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

async function approve(context: ControllerContext, csr: CertificateSigningRequest, request: SigningRequest): Promise<void> {
  const right = selfApproval(asked(csr), request);
  if (!right || !(await mayAsk(context, csr, right))) return;
  const message =
    right === 'selfnodeclient'
      ? 'Auto approving self kubelet client certificate after SubjectAccessReview.'
      : 'Auto approving kubelet client certificate after SubjectAccessReview.';
  const approved = withCondition(csr, context.clock.nowMs(), 'Approved', 'AutoApproved', message);
  await context.client.update(RESOURCES.certificatesigningrequests, approved, { subresource: 'approval' });
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
