// Which Go packages are exported, and how their types are called in schema.json and in TypeScript.

export const VERSION = 'v0.36.2';

export const MODULES = ['k8s.io/api', 'k8s.io/apimachinery', 'k8s.io/apiextensions-apiserver', 'k8s.io/kube-aggregator', 'k8s.io/metrics'];

/** Packages whose types are written; the file name of their TypeScript. */
export const PACKAGES: Record<string, string> = {
  'k8s.io/apimachinery/pkg/apis/meta/v1': 'meta.v1',
  'k8s.io/api/admission/v1': 'admission.v1',
  'k8s.io/api/admissionregistration/v1': 'admissionregistration.v1',
  'k8s.io/api/apps/v1': 'apps.v1',
  'k8s.io/api/authentication/v1': 'authentication.v1',
  'k8s.io/api/authorization/v1': 'authorization.v1',
  'k8s.io/api/autoscaling/v1': 'autoscaling.v1',
  'k8s.io/api/autoscaling/v2': 'autoscaling.v2',
  'k8s.io/api/batch/v1': 'batch.v1',
  'k8s.io/api/certificates/v1': 'certificates.v1',
  'k8s.io/api/coordination/v1': 'coordination.v1',
  'k8s.io/api/core/v1': 'core.v1',
  'k8s.io/api/discovery/v1': 'discovery.v1',
  'k8s.io/api/events/v1': 'events.v1',
  'k8s.io/api/flowcontrol/v1': 'flowcontrol.v1',
  'k8s.io/api/networking/v1': 'networking.v1',
  'k8s.io/api/node/v1': 'node.v1',
  'k8s.io/api/policy/v1': 'policy.v1',
  'k8s.io/api/rbac/v1': 'rbac.v1',
  'k8s.io/api/resource/v1': 'resource.v1',
  'k8s.io/api/scheduling/v1': 'scheduling.v1',
  'k8s.io/api/storage/v1': 'storage.v1',
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1': 'apiextensions.v1',
  'k8s.io/kube-aggregator/pkg/apis/apiregistration/v1': 'apiregistration.v1',
  'k8s.io/metrics/pkg/apis/metrics/v1beta1': 'metrics.v1beta1',
};

/** Packages that are only read, for named strings. */
export const SUPPORT = ['k8s.io/apimachinery/pkg/types'];

/** Types with a JSON form of their own, with the schema of that form. */
export const SPECIAL: Record<string, { type: string; format?: string; ts: string; message?: string }> = {
  'k8s.io/apimachinery/pkg/api/resource.Quantity': { type: 'string', format: 'quantity', ts: 'string' },
  'k8s.io/apimachinery/pkg/util/intstr.IntOrString': { type: 'string', format: 'int-or-string', ts: 'number | string' },
  'k8s.io/apimachinery/pkg/apis/meta/v1.Time': { type: 'string', format: 'date-time', ts: 'string' },
  'k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime': { type: 'string', format: 'micro-time', ts: 'string' },
  'k8s.io/apimachinery/pkg/apis/meta/v1.Duration': { type: 'string', format: 'duration', ts: 'string' },
  'k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1': { type: 'any', ts: 'Record<string, unknown>' },
  'k8s.io/apimachinery/pkg/runtime.RawExtension': { type: 'any', ts: 'unknown' },
  'k8s.io/apimachinery/pkg/runtime.Object': { type: 'any', ts: 'unknown' },
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSON': { type: 'any', ts: 'unknown' },
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrArray': {
    type: 'any',
    ts: 'JSONSchemaProps | JSONSchemaProps[]',
  },
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrBool': { type: 'any', ts: 'JSONSchemaProps | boolean' },
  'k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrStringArray': {
    type: 'any',
    ts: 'JSONSchemaProps | string[]',
  },
};

const split = (goName: string): [string, string] => {
  const dot = goName.lastIndexOf('.');
  return [goName.slice(0, dot), goName.slice(dot + 1)];
};

export const packageOf = (goName: string): string => split(goName)[0];
export const baseOf = (goName: string): string => split(goName)[1];

/** `io.k8s.api.core.v1.Pod` for `k8s.io/api/core/v1.Pod`. */
export function definitionName(goName: string): string {
  const [pkg, name] = split(goName);
  return `${pkg.replace(/^k8s\.io\//, 'io.k8s.').replaceAll('/', '.')}.${name}`;
}
