// The versions of a CustomResourceDefinition: each by itself, and what they must be together.
import { at, deepEqual, dns1035Label, duplicate, index, invalidValue, type Problem, required, tooMany } from '../../meta/index.ts';
import { fieldPath, type JsonSchema } from '../../structural/index.ts';
import { texts } from '../rules.ts';
import { innerVersions, isHoisted } from './inner-form.ts';
import { validateOpenApi } from './schema.ts';

const SELECTABLE_MAX = 8;

/** Names in findings of what is told once for all versions. */
const TOP: Readonly<Record<string, string>> = {
  schema: 'spec.validation',
  subresources: 'spec.subresources',
  additionalPrinterColumns: 'spec.additionalPrinterColumns',
  selectableFields: 'spec.selectableFields',
};

/** Parts that differ stand at their version, parts that are the same in all at the top, after the names. */
export function validateVersions(spec: any, oldSpec: any | undefined): { before: Problem[]; after: Problem[] } {
  const versions: any[] = spec.versions ?? [];
  const before: Problem[] = [];
  versions.forEach((version, i) => {
    if (!version.schema?.openAPIV3Schema) before.push(required(`spec.versions[${i}].schema.openAPIV3Schema`));
  });
  versions.forEach((version, i) => {
    const path = index('spec.versions', i);
    const wrong = dns1035Label(version.name ?? '');
    if (wrong.length) before.push(invalidValue(at(path, 'name'), version.name ?? '', wrong.join(',')));
    before.push(...texts(at(path, 'deprecationWarning'), version.deprecationWarning, deprecationTexts(version)));
    before.push(...validateParts(versions, version, (part) => (isHoisted(versions, part) ? undefined : at(path, part)), oldSpec));
  });
  before.push(...validateTogether(versions));
  const after = versions.length
    ? validateParts(versions, versions[0], (part) => (isHoisted(versions, part) ? TOP[part] : undefined), oldSpec)
    : [];
  return { before, after };
}

function validateTogether(versions: any[]): Problem[] {
  const problems: Problem[] = [];
  const names = versions.map((version) => version.name);
  if (new Set(names).size < names.length)
    problems.push(invalidValue('spec.versions', innerVersions(versions), 'must contain unique version names'));
  if (versions.filter((version) => version.storage).length !== 1)
    problems.push(invalidValue('spec.versions', innerVersions(versions), 'must have exactly one version marked as storage version'));
  const first: string = versions[0]?.name ?? '';
  const wrong = first === '' ? [] : dns1035Label(first);
  if (wrong.length) problems.push(invalidValue('spec.version', first, wrong.join(',')));
  return problems;
}

/** `pathOf`: where findings about a part are told; undefined when not here. */
function validateParts(versions: any[], version: any, pathOf: (part: string) => string | undefined, oldSpec: any): Problem[] {
  const problems: Problem[] = [];
  const schema: JsonSchema | undefined = version.schema?.openAPIV3Schema;
  const schemaPath = pathOf('schema');
  if (schema && schemaPath !== undefined) {
    const hasStatus = isHoisted(versions, 'schema')
      ? versions.some((one) => one.subresources?.status)
      : Boolean(version.subresources?.status);
    // What has not changed was checked when it came in.
    if (!isUnchanged(version, hasStatus, oldSpec)) problems.push(...validateOpenApi(schema, schemaPath, hasStatus));
  }
  const subresources = pathOf('subresources');
  if (subresources !== undefined) problems.push(...validateScale(version.subresources?.scale, at(subresources, 'scale')));
  const columns = pathOf('additionalPrinterColumns');
  if (columns !== undefined) problems.push(...validateColumns(version.additionalPrinterColumns ?? [], columns));
  const selectable = pathOf('selectableFields');
  if (selectable !== undefined && version.selectableFields?.length) {
    const old = oldSpec?.versions?.find(({ name }: any) => name === version.name)?.selectableFields;
    problems.push(...validateSelectable(version.selectableFields, schema, selectable, deepEqual(old, version.selectableFields)));
  }
  return problems;
}

function isUnchanged(version: any, hasStatus: boolean, oldSpec: any): boolean {
  const old = oldSpec?.versions?.find(({ name }: any) => name === version.name);
  return old !== undefined && Boolean(old.subresources?.status) === hasStatus && deepEqual(old.schema, version.schema);
}

function deprecationTexts({ deprecated, deprecationWarning: warning }: any): string[] {
  if (warning === undefined || warning === null) return [];
  if (!deprecated) return ['can only be set for deprecated versions'];
  const wrong: string[] = [];
  if (Buffer.byteLength(warning) > 256) wrong.push('must be <= 256 characters long');
  if (warning === '') wrong.push('must not be an empty string');
  const found = warning.search(/[\p{C}\p{Zl}\p{Zp}]/u);
  if (found >= 0) {
    const bytes = Buffer.byteLength(warning.slice(0, found));
    wrong.push(`must only contain printable UTF-8 characters; non-printable character found at index ${bytes}`);
  }
  return wrong;
}

const SIMPLE = 'must be a simple json path starting with .';

function validateScale(scale: any, path: string): Problem[] {
  if (!scale) return [];
  const problems: Problem[] = [];
  for (const [name, parent] of [
    ['specReplicasPath', '.spec'],
    ['statusReplicasPath', '.status'],
  ] as const) {
    const value: string = scale[name] ?? '';
    const field = at(path, name);
    if (value === '') problems.push(required(field));
    else if (!value.startsWith('.')) problems.push(invalidValue(field, value, SIMPLE));
    else if (!value.startsWith(`${parent}.`)) problems.push(invalidValue(field, value, `should be a json path under ${parent}`));
  }
  const selector: string = scale.labelSelectorPath ?? '';
  const field = at(path, 'labelSelectorPath');
  if (selector !== '' && !selector.startsWith('.')) problems.push(invalidValue(field, selector, SIMPLE));
  else if (selector !== '' && !/^\.(spec|status)\./.test(selector))
    problems.push(invalidValue(field, selector, 'should be a json path under either .spec or .status'));
  return problems;
}

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

function validateColumns(columns: any[], path: string): Problem[] {
  return columns.flatMap(({ name, type, format, jsonPath }, i) => {
    const field = index(path, i);
    const problems: Problem[] = [];
    if (!name) problems.push(required(at(field, 'name')));
    const types = `must be one of ${COLUMN_TYPES.join(',')}`;
    if (!type) problems.push(required(at(field, 'type'), types));
    else if (!COLUMN_TYPES.includes(type)) problems.push(invalidValue(at(field, 'type'), type, types));
    if (format && !COLUMN_FORMATS.includes(format))
      problems.push(invalidValue(at(field, 'format'), format, `must be one of ${COLUMN_FORMATS.join(',')}`));
    if (!jsonPath) problems.push(required(at(field, 'JSONPath')));
    else if (!jsonPath.startsWith('.')) problems.push(invalidValue(at(field, 'JSONPath'), jsonPath, SIMPLE));
    return problems;
  });
}

const SELECTABLE = ['string', 'boolean', 'integer'];

function validateSelectable(fields: any[], schema: JsonSchema | undefined, path: string, unchanged: boolean): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  fields.forEach(({ jsonPath }, i) => {
    const field = at(index(path, i), 'jsonPath');
    if (!jsonPath) {
      problems.push(required(field));
      return;
    }
    const found = fieldPath(jsonPath, schema ?? {}, { brackets: false });
    if ('why' in found) {
      problems.push(invalidValue(field, jsonPath, `is an invalid path: ${found.why}`));
      return;
    }
    if (found.steps[0] === 'metadata') problems.push(invalidValue(field, jsonPath, 'must not point to fields in metadata'));
    if (!SELECTABLE.includes(found.schema?.type ?? '')) {
      const why = 'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
      problems.push(invalidValue(field, jsonPath, why));
    }
    if (seen.has(found.path)) problems.push(duplicate(field, jsonPath));
    seen.add(found.path);
  });
  if (seen.size > SELECTABLE_MAX && !unchanged) problems.push(tooMany(path, seen.size, SELECTABLE_MAX));
  return problems;
}
