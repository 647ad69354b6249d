// A custom resource's body: metadata is decoded as any object's, the rest is pruned by its schema.
import { schemaOf } from '../../../api/gen/index.ts';
import { apiVersionOf, badRequest, invalid, invalidValue, type KubeObject } from '../../../api/meta/index.ts';
import { checkObject, type DecodedBody, decodeBody, type FieldValidation } from '../../../api/wire/index.ts';
import type { ServedKind } from '../kind-table.ts';

const CONFIG_MAP = { group: '', version: 'v1', kind: 'ConfigMap' };

export function customBody(
  served: ServedKind,
  bytes: Uint8Array,
  contentType: string | undefined,
  fieldValidation: FieldValidation,
): { object: KubeObject; warnings: string[] } {
  return checkCustom(served, decodeBody(bytes, contentType, served.kind.kind), fieldValidation);
}

/** Also for what a patch made. Throws 400 and 422 in upstream's words. */
export function checkCustom(
  served: ServedKind,
  body: DecodedBody,
  fieldValidation: FieldValidation,
): { object: KubeObject; warnings: string[] } {
  const { kind } = served;
  const object = body.object as unknown as KubeObject;
  object.kind ||= kind.kind;
  object.apiVersion ||= apiVersionOf(kind);
  checkNames(served, object);
  const refuse = (why: string) => badRequest(`${object.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${why}`);
  if (body.findings?.overflow !== undefined)
    throw refuse(`json: cannot unmarshal number ${body.findings.overflow} into Go value of type float64`);
  const problems = (body.yamlDuplicates ?? body.findings?.duplicates.map(({ path }) => `duplicate field "${path}"`) ?? []).slice();
  const metadata = metadataOf(object, kind.kind, refuse);
  const unknown = [...metadata.unknown, ...(served.customPart?.prune(object) ?? [])].map((path) => `unknown field "${path}"`);
  object.metadata = metadata.value;
  problems.push(...unknown);
  if (fieldValidation === 'Ignore') return { object, warnings: [] };
  if (problems.length && fieldValidation === 'Strict') throw refuse(`strict decoding error: ${problems.join(', ')}`);
  return { object, warnings: problems };
}

function checkNames({ kind }: ServedKind, object: KubeObject): void {
  if (object.kind !== kind.kind)
    throw invalid({ group: kind.group, kind: object.kind! }, object.metadata?.name ?? '', [
      invalidValue('kind', object.kind, `must be ${kind.kind}`),
    ]);
  if (object.apiVersion !== apiVersionOf(kind))
    throw badRequest(`the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersionOf(kind)})`);
}

/** Through the checks of a built-in kind's metadata; errors name ObjectMeta alone. */
function metadataOf(
  object: KubeObject,
  name: string,
  refuse: (why: string) => Error,
): { value: KubeObject['metadata']; unknown: string[] } {
  try {
    const body = { object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: object.metadata ?? {} }, format: 'json' as const };
    const { object: checked, warnings } = checkObject(body, CONFIG_MAP, { fieldValidation: 'Warn', schema: schemaOf(CONFIG_MAP)! });
    return { value: checked.metadata ?? {}, unknown: warnings.flatMap((text) => /^unknown field "(.*)"$/.exec(text)?.[1] ?? []) };
  } catch (error) {
    throw refuse(
      (error as Error).message
        .replace(/^.*? cannot be handled as a \S+: /s, '')
        .replace('ObjectMeta.metadata.', 'ObjectMeta.')
        .replace('ConfigMap.metadata', `${name}.metadata`),
    );
  }
}
