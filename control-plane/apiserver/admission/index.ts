// Entry of admission: the ordered list of built-in plug-ins. Order matters: defaults before what counts them, quota last.
import type { Authorizer } from '../authz/index.ts';
import type { ServerServices } from '../handlers.ts';
import type { AdmissionPlugin } from '../request.ts';
import { certificateRequestor } from './certificate-request.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction } from './node-restriction.ts';
import { taintNodesByCondition } from './node-taint.ts';
import { podResize } from './pod-resize.ts';
import { podSecurity } from './pod-security/index.ts';
import { mutatingPolicies, validatingPolicies } from './policy/index.ts';
import { priority } from './priority.ts';
import { resourceQuota } from './quota/index.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { defaultIngressClass, defaultStorageClass, persistentVolumeClaimResize, storageObjectInUseProtection } from './storage.ts';
import { defaultTolerationSeconds } from './tolerations.ts';
import { mutatingWebhooks, validatingWebhooks } from './webhook/index.ts';

/** `authorizer`: what expressions may ask. */
export function admissionPlugins(services: ServerServices, authorizer: Authorizer): AdmissionPlugin[] {
  const { reader, clock, self } = services;
  return [
    namespaceLifecycle(reader),
    nodeRestriction(reader, authorizer),
    limitRanger(reader),
    serviceAccount(reader, clock),
    taintNodesByCondition,
    priority(reader),
    defaultTolerationSeconds,
    defaultStorageClass(reader),
    persistentVolumeClaimResize(reader),
    storageObjectInUseProtection,
    runtimeClass(reader),
    certificateRequestor,
    defaultIngressClass(reader),
    podSecurity(reader),
    podResize(reader),
    mutatingPolicies(services, authorizer),
    mutatingWebhooks(services, authorizer),
    validatingPolicies(services, authorizer),
    validatingWebhooks(services, authorizer),
    resourceQuota(reader, self, clock),
  ];
}
