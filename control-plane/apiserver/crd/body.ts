// A custom resource's body: metadata is decoded as any object's, the rest is pruned by its schema.
import { apiVersionOf, badRequest, invalid, invalidValue, type KubeObject } from '../../../api/meta/index.ts';
import { type DecodedBody, decodeBody, type FieldValidation, type YamlReader } from '../../../api/wire/index.ts';
import type { ServedKind } from '../kind-table.ts';
import { MalformedError, readMetadata } from './coerce.ts';

export function customBody(
  served: ServedKind,
  bytes: Uint8Array,
  contentType: string | undefined,
  fieldValidation: FieldValidation,
  readYaml: YamlReader,
): { object: KubeObject; warnings: string[] } {
  return checkCustom(served, decodeBody(bytes, contentType, served.kind.kind, readYaml), fieldValidation);
}

/** Also for what a patch made. Throws 400 and 422 in upstream's words. */
export function checkCustom(
  served: ServedKind,
  body: DecodedBody,
  fieldValidation: FieldValidation,
  keepNulls = false,
): { object: KubeObject; warnings: string[] } {
  const { kind } = served;
  const object = body.object as unknown as KubeObject;
  object.kind ||= kind.kind;
  object.apiVersion ||= apiVersionOf(kind);
  checkNames(served, object);
  const refuse = (why: string) => badRequest(`${object.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${why}`);
  const problems = (body.yamlDuplicates ?? body.findings?.duplicates.map(({ path }) => `duplicate field "${path}"`) ?? []).slice();
  const huge = body.findings?.overflow;
  if (huge !== undefined) throw refuse(`json: cannot unmarshal number ${huge} into Go value of type float64`);
  try {
    const metadata = readMetadata(object.metadata, kind.kind);
    const unknown = served.customPart!.coerce(object, keepNulls);
    object.metadata = metadata.value;
    problems.push(...[...metadata.unknown, ...unknown].map((path) => `unknown field "${path}"`));
  } catch (error) {
    throw error instanceof MalformedError ? refuse(error.message) : error;
  }
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
