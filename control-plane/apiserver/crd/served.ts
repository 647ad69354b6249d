// A CustomResourceDefinition as served kinds: one a version, with the behaviour that its schema asks for.
import type { Kind } from '../../../api/kinds/index.ts';
import { apiVersionOf, deepCopy, type KubeObject, type Schema } from '../../../api/meta/index.ts';
import { dropNulls, fillDefaults, type JsonSchema, prune } from '../../../api/structural/index.ts';
import type { ServedKind } from '../kind-table.ts';
import { convertObjects, type WebhookClient } from '../webhook/index.ts';
import { behaviourOf } from './behaviour.ts';
import { coerce } from './coerce.ts';
import { definitionOf } from './definition.ts';
import { type CrdNames, type CrdSpec, type CrdVersion, schemaOfVersion, specOf, statusOf } from './spec.ts';
import { viewsOf } from './views.ts';

const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];
const CHANGE = ['get', 'patch', 'update'];
const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** `webhooks`: for definitions that convert by one. */
export function servedKinds(crd: KubeObject, webhooks: WebhookClient): ServedKind[] {
  const spec = specOf(crd);
  const family: Family = { crd, spec, webhooks, schemas: new Map() };
  for (const version of spec.versions)
    family.schemas.set(apiVersionOf({ group: spec.group, version: version.name }), schemaOfVersion(version));
  return spec.versions
    .filter((version) => version.served)
    .sort((a, b) => compareVersions(a.name, b.name))
    .map((version) => servedKind(family, version));
}

/** What the versions of one definition share. */
interface Family {
  crd: KubeObject;
  spec: CrdSpec;
  webhooks: WebhookClient;
  /** Of all versions, served or not, by apiVersion. */
  schemas: Map<string, JsonSchema>;
}

function servedKind(family: Family, version: CrdVersion): ServedKind {
  const { crd, spec } = family;
  const schema = schemaOfVersion(version);
  const kind = kindOf(spec, statusOf(crd).acceptedNames ?? spec.names, version);
  let definition: Schema | undefined;
  return {
    kind,
    /** Made when first asked for: most of many definitions are never written to. */
    get schema() {
      return (definition ??= definitionOf(schema));
    },
    custom: true,
    resource: { group: spec.group, plural: spec.names.plural },
    openApi: {
      name: `${spec.group.split('.').reverse().join('.')}.${version.name}.${kind.kind}`,
      schema: schema as Record<string, unknown>,
    },
    customPart: {
      ...(version.deprecated ? { deprecation: version.deprecationWarning || deprecationOf(spec, version) } : {}),
      terminating: crd.metadata.deletionTimestamp !== undefined,
      coerce: (object, keepNulls) => coerce(object, schema, keepNulls),
      ...formsOf(family, apiVersionOf(kind)),
    },
  };
}

/** How objects come from the store into one version and go back. */
function formsOf(
  { spec, schemas, webhooks }: Family,
  apiVersion: string,
): Pick<NonNullable<ServedKind['customPart']>, 'view' | 'prepare' | 'convert' | 'stored'> {
  const { conversion } = spec;
  const webhook = conversion?.strategy === 'Webhook' ? conversion.webhook : undefined;
  const convert = webhook && ((objects: readonly KubeObject[], wanted: string) => convertObjects(webhooks, webhook, objects, wanted));
  const storage = (spec.versions.find((version) => version.storage) ?? spec.versions[0]!).name;
  const storedApiVersion = apiVersionOf({ group: spec.group, version: storage });
  const shape = (object: KubeObject): void => {
    const schema = schemas.get(object.apiVersion!);
    if (!schema) return;
    prune(object, schema);
    dropNulls(object, schema);
  };
  return {
    ...(convert ? { convert } : {}),
    ...viewsOf({
      apiVersion,
      shape,
      read(object) {
        shape(object);
        fillDefaults(object, schemas.get(object.apiVersion!));
      },
      ...(convert ? { convert } : {}),
    }),
    async stored(object) {
      if (object.apiVersion === storedApiVersion) return object;
      const converted = convert ? (await convert([object], storedApiVersion))[0]! : { ...deepCopy(object), apiVersion: storedApiVersion };
      shape(converted);
      return converted;
    },
  };
}

function kindOf(spec: CrdSpec, names: CrdNames, version: CrdVersion): Kind {
  const { status, scale } = version.subresources ?? {};
  return {
    group: spec.group,
    version: version.name,
    kind: spec.names.kind,
    listKind: spec.names.listKind ?? `${spec.names.kind}List`,
    plural: spec.names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    namespaced: spec.scope === 'Namespaced',
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs: VERBS,
    subresources: [
      ...(status ? [{ name: 'status', verbs: CHANGE }] : []),
      ...(scale ? [{ name: 'scale', verbs: CHANGE, responseKind: SCALE }] : []),
    ],
    ...behaviourOf(version),
  };
}

/** Names a newer version that may be used, if there is one. */
function deprecationOf({ group, names, versions }: CrdSpec, deprecated: CrdVersion): string {
  const newest = versions
    .filter((version) => version.served && !version.deprecated && compareVersions(version.name, deprecated.name) < 0)
    .map((version) => version.name)
    .sort(compareVersions)[0];
  const text = `${group}/${deprecated.name} ${names.kind} is deprecated`;
  return newest === undefined ? text : `${text}; use ${group}/${newest} ${names.kind}`;
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
