// AdmissionReview: the question as webhooks get it, and the checks of their answer (upstream's request/admissionreview.go).
import { randomUUID } from 'node:crypto';
import type { Kind } from '../../../../api/kinds/kind.ts';
import type { GroupVersionKind, KubeObject } from '../../../../api/meta/index.ts';
import type { Attributes } from '../../request.ts';

/** What the webhook wants to see: the request's own kind and object, or an equivalent version's. */
export interface View {
  /** Of the resource. */
  resource: Kind;
  /** Of the object. */
  kind: GroupVersionKind;
  object: KubeObject | undefined;
  oldObject: KubeObject | undefined;
}

export interface Review {
  uid: string;
  version: 'v1' | 'v1beta1';
  body: object;
}

const isKnown = (version: string): version is Review['version'] => version === 'v1' || version === 'v1beta1';

/** Undefined when the webhook takes no version that we know. */
export function reviewOf(attributes: Attributes, view: View, versions: readonly string[]): Review | undefined {
  const version = versions.find(isKnown);
  if (version === undefined) return undefined;
  const uid = randomUUID();
  return {
    uid,
    version,
    body: { kind: 'AdmissionReview', apiVersion: `admission.k8s.io/${version}`, request: request(uid, attributes, view) },
  };
}

function request(uid: string, attributes: Attributes, view: View): object {
  const { kind, objectKind, subresource, name, user, operation, dryRun, options } = attributes;
  // A request about a namespace counts as one inside of it.
  const namespace = kind.group === '' && kind.plural === 'namespaces' ? name : attributes.namespace;
  const sub = subresource === '' ? {} : { subResource: subresource };
  return {
    uid,
    kind: kindOf(view.kind),
    resource: resourceOf(view.resource),
    ...sub,
    requestKind: kindOf(objectKind),
    requestResource: resourceOf(kind),
    ...(subresource === '' ? {} : { requestSubResource: subresource }),
    ...(name === '' ? {} : { name }),
    ...(namespace === '' ? {} : { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid ? { uid: user.uid } : {}),
      groups: user.groups,
      ...(user.extra && Object.keys(user.extra).length > 0 ? { extra: user.extra } : {}),
    },
    object: view.object ?? null,
    oldObject: view.oldObject ?? null,
    dryRun,
    options: options ?? null,
  };
}

const kindOf = ({ group, version, kind }: GroupVersionKind) => ({ group, version, kind });
const resourceOf = ({ group, version, plural }: Kind) => ({ group, version, resource: plural });

/** AdmissionResponse. */
export interface Verdict {
  allowed: boolean;
  /** metav1.Status. */
  status?: { status?: string; message?: string; reason?: string; code?: number; details?: object };
  /** Base64 of the patch. */
  patch?: string;
  patchType?: string;
  auditAnnotations?: Record<string, string>;
  warnings?: string[];
}

/** Throws Error with upstream's words when the answer is none. */
export function verdictOf({ uid, version }: Review, answer: unknown, mutating: boolean): Verdict {
  const { apiVersion = '', kind = '', response } = answer as { apiVersion?: string; kind?: string; response?: Verdict & { uid?: string } };
  if (typeof response !== 'object' || response === null) throw new Error('webhook response was absent');
  const allowed = response.allowed === true;
  if (version === 'v1beta1') return { ...response, allowed, ...(response.patch ? { patchType: 'JSONPatch' } : {}) };
  if (response.uid !== uid) throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview')
    throw new Error(`expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${apiVersion}, Kind=${kind}`);
  checkPatch(response, mutating);
  return { ...response, allowed };
}

function checkPatch({ patch, patchType }: Verdict, mutating: boolean): void {
  const typed = patchType !== undefined && patchType !== null;
  if (!mutating) {
    if (patch) throw new Error('validating webhook may not return response.patch');
    if (typed) throw new Error('validating webhook may not return response.patchType');
    return;
  }
  if (patch && !typed) throw new Error('webhook returned response.patch but not response.patchType');
  if (!patch && typed) throw new Error('webhook returned response.patchType but not response.patch');
  if (patchType === '') throw new Error('webhook returned invalid response.patchType of ""');
}
