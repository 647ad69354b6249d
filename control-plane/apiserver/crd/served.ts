// A CustomResourceDefinition as served kinds: one a version, with the behaviour that its schema asks for.
import type { Kind } from '../../../api/kinds/index.ts';
import { apiVersionOf, deepEqual, type KubeObject, type Problem } from '../../../api/meta/index.ts';
import type { ServedKind } from '../kind-table.ts';
import { type ConversionWebhook, convertObjects, type WebhookClient } from '../webhook/index.ts';
import { columnsOf, type PrinterColumn } from './columns.ts';
import { definitionOf } from './definition.ts';
import type { JsonSchema } from './json-schema.ts';
import { valuesAt } from './jsonpath.ts';
import { fillDefaults, prune } from './prune.ts';
import { validateValue } from './validate.ts';
import { type ViewsOptions, viewsOf } from './views.ts';

interface CrdVersion {
  name: string;
  served: boolean;
  storage: boolean;
  schema?: { openAPIV3Schema?: JsonSchema };
  subresources?: { status?: object; scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string } };
  additionalPrinterColumns?: PrinterColumn[];
  selectableFields?: { jsonPath: string }[];
  deprecated?: boolean;
  deprecationWarning?: string;
}

export interface CrdSpec {
  group: string;
  scope: 'Namespaced' | 'Cluster';
  names: { plural: string; singular?: string; kind: string; listKind?: string; shortNames?: string[]; categories?: string[] };
  versions: CrdVersion[];
  conversion?: { strategy?: string; webhook?: ConversionWebhook };
}

const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const CHANGE = ['get', 'patch', 'update'];
const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
const META = new Set(['apiVersion', 'kind', 'metadata']);

/** `webhooks`: for definitions that convert by one. */
export function servedKinds(crd: KubeObject, webhooks: WebhookClient): ServedKind[] {
  const spec = crd['spec'] as CrdSpec;
  const storage = spec.versions.find((version) => version.storage) ?? spec.versions[0]!;
  return spec.versions
    .filter((version) => version.served)
    .sort((a, b) => compareVersions(a.name, b.name))
    .map((version) => servedKind(crd, spec, version, storage, converterOf(spec, webhooks)));
}

function converterOf({ conversion }: CrdSpec, webhooks: WebhookClient): ViewsOptions['convert'] {
  const webhook = conversion?.strategy === 'Webhook' ? conversion.webhook : undefined;
  return webhook && ((objects, apiVersion) => convertObjects(webhooks, webhook, objects, apiVersion));
}

function servedKind(
  crd: KubeObject,
  spec: CrdSpec,
  version: CrdVersion,
  storage: CrdVersion,
  convert: ViewsOptions['convert'],
): ServedKind {
  const schema = version.schema?.openAPIV3Schema ?? { 'x-kubernetes-preserve-unknown-fields': true };
  const kind = kindOf(spec, version, schema);
  return {
    kind,
    schema: definitionOf(schema),
    custom: true,
    resource: { group: spec.group, plural: spec.names.plural },
    openApi: {
      name: `${spec.group.split('.').reverse().join('.')}.${version.name}.${spec.names.kind}`,
      schema: schema as Record<string, unknown>,
    },
    customPart: {
      storedApiVersion: apiVersionOf({ group: spec.group, version: storage.name }),
      ...(version.deprecated ? { deprecation: version.deprecationWarning || `${apiVersionOf(kind)} ${kind.kind} is deprecated` } : {}),
      terminating: crd.metadata.deletionTimestamp !== undefined,
      prune: (object) => prune(object, schema),
      ...(convert ? { convert } : {}),
      ...viewsOf({
        apiVersion: apiVersionOf(kind),
        shape(object) {
          prune(object, schema);
          fillDefaults(object, schema);
        },
        shapeStored(object) {
          const stored = spec.versions.find(({ name }) => object.apiVersion === apiVersionOf({ group: spec.group, version: name }));
          if (stored?.schema?.openAPIV3Schema) prune(object, stored.schema.openAPIV3Schema);
        },
        ...(convert ? { convert } : {}),
      }),
    },
  };
}

function kindOf(spec: CrdSpec, version: CrdVersion, schema: JsonSchema): Kind {
  const { names } = spec;
  const { status, scale } = version.subresources ?? {};
  const rest = (object: KubeObject) =>
    Object.fromEntries(Object.entries(object).filter(([key]) => !META.has(key) && !(status && key === 'status')));
  const validate = (object: KubeObject): Problem[] => validateValue(object, schema);
  return {
    group: spec.group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    namespaced: spec.scope === 'Namespaced',
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs: VERBS,
    subresources: [
      ...(status ? [{ name: 'status', verbs: CHANGE }] : []),
      ...(scale ? [{ name: 'scale', verbs: CHANGE, responseKind: SCALE }] : []),
    ],
    defaults: (object) => fillDefaults(object, schema),
    validate,
    validateSubresource: { status: validate, scale: validate },
    unconditionalUpdate: false,
    hasGeneration: true,
    specChanged: (object, old) => !deepEqual(rest(object), rest(old)),
    columns: columnsOf(version.additionalPrinterColumns),
    fieldSelectors: Object.fromEntries(
      (version.selectableFields ?? []).map(({ jsonPath }) => [
        jsonPath.replace(/^\./, ''),
        (object: KubeObject) => String(valuesAt(object, jsonPath)[0] ?? ''),
      ]),
    ),
    ...(scale
      ? {
          scale: {
            specReplicas: scale.specReplicasPath,
            statusReplicas: scale.statusReplicasPath,
            selector: (object: KubeObject) => (scale.labelSelectorPath ? String(valuesAt(object, scale.labelSelectorPath)[0] ?? '') : ''),
          },
        }
      : {}),
  } as Kind;
}

/** The newest stable version first: v10, v2, v1, v11beta2, v3alpha1, then the rest by name. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [versionParts(a), versionParts(b)];
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : a > b ? 1 : 0;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return right[i]! - left[i]!;
  return 0;
}

/** [stability, major, minor], or undefined for a name of another form. */
function versionParts(name: string): [number, number, number] | undefined {
  const found = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(name);
  if (!found) return undefined;
  return [found[2] === undefined ? 2 : found[2] === 'beta' ? 1 : 0, Number(found[1]), Number(found[3] ?? 0)];
}
