// How the kind of one version behaves in the verbs: what its schema asks for.
import type { Behaviour } from '../../../api/kinds/index.ts';
import { deepEqual, invalidValue, type KubeObject, type Problem, qualifiedName } from '../../../api/meta/index.ts';
import {
  Correlation,
  fillDefaults,
  type JsonSchema,
  META_FIELDS,
  own,
  SchemaRules,
  validateEmbedded,
  validateListTypes,
  validateValue,
} from '../../../api/structural/index.ts';
import { columnsOf } from './columns.ts';
import { pathGetter } from './jsonpath.ts';
import { scaleOf, validateScaleSpec, validateScaleStatus } from './scale.ts';
import { type CrdVersion, schemaOfVersion } from './spec.ts';

export function behaviourOf(version: CrdVersion): Behaviour {
  const schema = schemaOfVersion(version);
  const { status, scale } = version.subresources ?? {};
  const validator = new ObjectValidator(schema, version);
  const content = (object: KubeObject) =>
    Object.fromEntries(Object.entries(object).filter(([key]) => !META_FIELDS.has(key) && !(status && key === 'status')));
  return {
    defaults: (object) => fillDefaults(object, schema),
    validate: (object, old) => validator.validate(object, old),
    validateSubresource: {
      status: (object, old) => validator.validateStatus(object, old),
      scale: (object, old) => validator.validate(object, old),
    },
    warnings: (object, old) => [...finalizerWarnings(object, old), ...validator.warningsOf(object)],
    unconditionalUpdate: false,
    hasGeneration: true,
    specChanged: (object, old) => !deepEqual(content(object), content(old)),
    columns: columnsOf(version.additionalPrinterColumns),
    fieldSelectors: selectorsOf(version.selectableFields ?? []),
    ...(scale ? { scale: scaleOf(scale) } : {}),
  };
}

const selectorsOf = (fields: readonly { jsonPath: string }[]): NonNullable<Behaviour['fieldSelectors']> =>
  Object.fromEntries(
    fields.map(({ jsonPath }) => {
      const valuesAt = pathGetter(jsonPath);
      return [jsonPath.replace(/^\./, ''), (object: KubeObject) => String(valuesAt(object)[0] ?? '')];
    }),
  );

/** After these an object's shape is not what rules were compiled for. */
const BLOCKING = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const NOT_CHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

/** Findings in upstream's order: schema, scale, embedded resources, lists, rules. */
class ObjectValidator {
  readonly #schema: JsonSchema;
  readonly #scale: NonNullable<CrdVersion['subresources']>['scale'];
  #rules: SchemaRules | undefined;
  /** What rules found in parts that an update did not touch. */
  readonly #warnings = new WeakMap<KubeObject, string[]>();

  constructor(schema: JsonSchema, version: CrdVersion) {
    this.#schema = schema;
    this.#scale = version.subresources?.scale;
  }

  validate(object: KubeObject, old: KubeObject | undefined): Problem[] {
    const schema = this.#schema;
    const correlation = old && new Correlation(object, old, schema);
    const problems = [
      ...validateValue(object, schema, { correlation }),
      ...(this.#scale ? [...validateScaleSpec(object, this.#scale), ...validateScaleStatus(object, this.#scale)] : []),
      ...validateEmbedded(object, schema),
      ...this.#lists(object, old),
    ];
    return [...problems, ...this.#checkRules(object, old, correlation, problems)];
  }

  validateStatus(object: KubeObject, old: KubeObject): Problem[] {
    const schema = this.#schema;
    const correlation = new Correlation(object, old, schema);
    const status = own(schema.properties, 'status') ?? {};
    const problems = [
      ...(Object.hasOwn(object, 'status')
        ? validateValue(object['status'], status, { path: 'status', correlation: correlation.key('status') })
        : []),
      ...(this.#scale ? validateScaleStatus(object, this.#scale) : []),
      ...this.#lists(object, old),
    ];
    return [...problems, ...this.#checkRules(object, old, correlation, problems)];
  }

  warningsOf(object: KubeObject): readonly string[] {
    return this.#warnings.get(object) ?? [];
  }

  /** Lists that were wrong before may stay so. */
  #lists(object: KubeObject, old: KubeObject | undefined): Problem[] {
    const problems = validateListTypes(object, this.#schema);
    return problems.length && old && validateListTypes(old, this.#schema).length ? [] : problems;
  }

  #checkRules(
    object: KubeObject,
    old: KubeObject | undefined,
    correlation: Correlation | undefined,
    before: readonly Problem[],
  ): Problem[] {
    this.#rules ??= new SchemaRules(this.#schema, true);
    if (this.#rules.none) return [];
    if (before.some(({ reason }) => BLOCKING.has(reason))) return [invalidValue('<nil>', null, NOT_CHECKED)];
    const { problems, warnings } = this.#rules.check(object, old, { correlation });
    if (warnings.length) this.#warnings.set(object, warnings);
    return problems;
  }
}

const STANDARD_FINALIZERS = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

/** Names of new finalizers that others may take too. */
function finalizerWarnings(object: KubeObject, old: KubeObject | undefined): string[] {
  const known = new Set(old?.metadata.finalizers);
  const added = [...new Set(object.metadata.finalizers)].filter((name) => !known.has(name)).sort();
  return added.flatMap((name) => {
    const about = `metadata.finalizers: ${JSON.stringify(name)}: `;
    const texts = qualifiedName(name).map((why) => about + why);
    if (name.includes('/') || STANDARD_FINALIZERS.has(name)) return texts;
    const how = name.includes('.') ? ' including a path (/)' : '';
    return [...texts, `${about}prefer a domain-qualified finalizer name${how} to avoid accidental conflicts with other finalizer writers`];
  });
}
