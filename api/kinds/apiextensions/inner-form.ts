// Parts of a CustomResourceDefinition as the server's inner form prints them in findings: Go's field names, and all of them.
import { deepEqual } from '../../meta/index.ts';
import type { JsonSchema, ValidationRule } from '../../structural/index.ts';

/** Go's names in Go's order, with what stands in JSON and what an absent one shows. */
const FIELDS: readonly [name: string, json: string, absent: unknown][] = [
  ['ID', 'id', ''],
  ['Schema', '$schema', ''],
  ['Ref', '$ref', null],
  ['Description', 'description', ''],
  ['Type', 'type', ''],
  ['Nullable', 'nullable', false],
  ['Format', 'format', ''],
  ['Title', 'title', ''],
  ['Default', 'default', null],
  ['Maximum', 'maximum', null],
  ['ExclusiveMaximum', 'exclusiveMaximum', false],
  ['Minimum', 'minimum', null],
  ['ExclusiveMinimum', 'exclusiveMinimum', false],
  ['MaxLength', 'maxLength', null],
  ['MinLength', 'minLength', null],
  ['Pattern', 'pattern', ''],
  ['MaxItems', 'maxItems', null],
  ['MinItems', 'minItems', null],
  ['UniqueItems', 'uniqueItems', false],
  ['MultipleOf', 'multipleOf', null],
  ['Enum', 'enum', null],
  ['MaxProperties', 'maxProperties', null],
  ['MinProperties', 'minProperties', null],
  ['Required', 'required', null],
  ['Items', 'items', null],
  ['AllOf', 'allOf', null],
  ['OneOf', 'oneOf', null],
  ['AnyOf', 'anyOf', null],
  ['Not', 'not', null],
  ['Properties', 'properties', null],
  ['AdditionalProperties', 'additionalProperties', null],
  ['PatternProperties', 'patternProperties', null],
  ['Dependencies', 'dependencies', null],
  ['AdditionalItems', 'additionalItems', null],
  ['Definitions', 'definitions', null],
  ['ExternalDocs', 'externalDocs', null],
  ['Example', 'example', null],
  ['XPreserveUnknownFields', 'x-kubernetes-preserve-unknown-fields', null],
  ['XEmbeddedResource', 'x-kubernetes-embedded-resource', false],
  ['XIntOrString', 'x-kubernetes-int-or-string', false],
  ['XListMapKeys', 'x-kubernetes-list-map-keys', null],
  ['XListType', 'x-kubernetes-list-type', null],
  ['XMapType', 'x-kubernetes-map-type', null],
  ['XValidations', 'x-kubernetes-validations', null],
];

const PARTS: Readonly<Record<string, (value: any) => unknown>> = {
  items: (value) => ({ Schema: innerSchema(value), JSONSchemas: null }),
  allOf: (value: JsonSchema[]) => value.map(innerSchema),
  oneOf: (value: JsonSchema[]) => value.map(innerSchema),
  anyOf: (value: JsonSchema[]) => value.map(innerSchema),
  not: (value) => innerSchema(value),
  properties: (value) => innerMap(value),
  additionalProperties: (value) => ({ Allows: value !== false, Schema: typeof value === 'boolean' ? null : innerSchema(value) }),
  'x-kubernetes-validations': (value: ValidationRule[]) => value.map(innerRule),
};

/** Go sorts a map's keys. */
const innerMap = (map: Record<string, JsonSchema>): unknown =>
  Object.fromEntries(
    Object.entries(map)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, schema]) => [name, innerSchema(schema)]),
  );

export function innerSchema(schema: JsonSchema): Record<string, unknown> {
  return Object.fromEntries(
    FIELDS.map(([name, json, absent]) => {
      const value = (schema as Record<string, unknown>)[json] ?? undefined;
      return [name, value === undefined ? absent : (PARTS[json]?.(value) ?? value)];
    }),
  );
}

export const innerRule = (rule: ValidationRule): Record<string, unknown> => ({
  Rule: rule.rule ?? '',
  Message: rule.message ?? '',
  MessageExpression: rule.messageExpression ?? '',
  Reason: rule.reason ?? null,
  FieldPath: rule.fieldPath ?? '',
  OptionalOldSelf: rule.optionalOldSelf ?? null,
});

/** What a schema's root may say when its status is checked apart. */
export const ROOT_FIELDS: readonly string[] = [
  'Description',
  'Type',
  'Format',
  'Title',
  'Maximum',
  'ExclusiveMaximum',
  'Minimum',
  'ExclusiveMinimum',
  'MaxLength',
  'MinLength',
  'Pattern',
  'MaxItems',
  'MinItems',
  'UniqueItems',
  'MultipleOf',
  'Required',
  'Items',
  'Properties',
  'ExternalDocs',
  'Example',
  'XPreserveUnknownFields',
  'XValidations',
];

/** Fields that say anything, by Go's names in Go's order. */
export const spokenFields = (schema: JsonSchema): string[] =>
  FIELDS.filter(([, json, absent]) => {
    const value = (schema as Record<string, unknown>)[json] ?? undefined;
    return value !== undefined && value !== absent;
  }).map(([name]) => name);

const HOISTED = ['schema', 'subresources', 'additionalPrinterColumns', 'selectableFields'];

/** A part that is the same in all versions stands at the top in the server's inner form, and so in its findings. */
export const isHoisted = (versions: readonly any[], part: string): boolean =>
  versions.length > 0 && versions.every((version) => deepEqual(version[part], versions[0][part]));

export const innerVersions = (versions: readonly any[]): unknown =>
  versions.map((version) => {
    const own = Object.fromEntries(HOISTED.map((part) => [part, isHoisted(versions, part) ? null : (version[part] ?? null)]));
    return {
      Name: version.name,
      Served: version.served ?? false,
      Storage: version.storage ?? false,
      Deprecated: version.deprecated ?? false,
      DeprecationWarning: version.deprecationWarning ?? null,
      Schema: own['schema'] && { OpenAPIV3Schema: innerSchema(own['schema'].openAPIV3Schema ?? {}) },
      Subresources: own['subresources'] && innerSubresources(own['subresources']),
      AdditionalPrinterColumns: own['additionalPrinterColumns']?.map(innerColumn) ?? null,
      SelectableFields: own['selectableFields']?.map(({ jsonPath = '' }: any) => ({ JSONPath: jsonPath })) ?? null,
    };
  });

const innerSubresources = ({ status, scale }: any): unknown => ({
  Status: status ? {} : null,
  Scale: scale
    ? {
        SpecReplicasPath: scale.specReplicasPath ?? '',
        StatusReplicasPath: scale.statusReplicasPath ?? '',
        LabelSelectorPath: scale.labelSelectorPath ?? null,
      }
    : null,
});

const innerColumn = (column: any): unknown => ({
  Name: column.name ?? '',
  Type: column.type ?? '',
  Format: column.format ?? '',
  Description: column.description ?? '',
  Priority: column.priority ?? 0,
  JSONPath: column.jsonPath ?? '',
});
