// One mutation: the expression's result applied to the object. Pure.
import { type CelMap, Constructed, type Evaluation, isList, isMap, toJson, type Value } from '../../../../api/cel/index.ts';
import { apiVersionOf, deepCopy, type KubeObject, parseApiVersion, type Schema } from '../../../../api/meta/index.ts';
import { InapplicablePatch, type JsonPatchOperation, jsonPatch, mergeConfiguration } from '../../../../api/patch/index.ts';
import type { Mutation } from './definitions.ts';

/** A new object. Throws Error with the reason. */
export function mutated(mutation: Mutation, object: KubeObject, evaluation: Evaluation, schema: Schema | undefined): KubeObject {
  const { value, error } = evaluation.evaluate(mutation.expression);
  if (error !== undefined) throw new Error(error);
  return mutation.patchType === 'JSONPatch' ? patched(object, value) : configured(object, value, schema);
}

/** `Object{...}` laid over the object, as server-side apply merges, without ownership. */
function configured(object: KubeObject, value: Value, schema: Schema | undefined): KubeObject {
  if (!(value instanceof Constructed)) throw new Error('unsupported return type from ApplyConfiguration expression');
  checkNames(value);
  const { group, version } = parseApiVersion(object.apiVersion!);
  const configuration = { ...value.toJson(), apiVersion: apiVersionOf({ group, version }), kind: object.kind! };
  try {
    return mergeConfiguration(object, configuration, schema);
  } catch (error) {
    throw new Error(`error applying patch: ${(error as Error).message}`);
  }
}

/** Each `Object.a.b{...}` inside must stand where its name says. */
function checkNames(value: Constructed): void {
  const wrong = misnamed(value, [value.type.name]);
  if (wrong.length > 0) throw new Error(`type mismatch: ${wrong.join('\n')}`);
}

function misnamed(value: Value, path: readonly string[]): string[] {
  if (value instanceof Constructed) {
    const expected = path.join('.');
    const own =
      value.type.name === expected
        ? []
        : [
            `unexpected type name ${JSON.stringify(value.type.name)}, expected ${JSON.stringify(expected)}, which matches field name path from root Object type`,
          ];
    return [...own, ...[...value.fields].flatMap(([name, field]) => misnamed(field, [...path, name]))];
  }
  if (value === null || typeof value !== 'object') return [];
  if (isList(value)) return [...value].flatMap((item) => misnamed(item, path));
  return isMap(value) ? [...(value as CelMap).keys()].flatMap((key) => misnamed((value as CelMap).get(key)!, path)) : [];
}

/** Operations one after the other; a failed test leaves the object as it was. */
function patched(object: KubeObject, value: Value): KubeObject {
  if (value === null || typeof value !== 'object' || !isList(value))
    throw new Error('type mismatch: JSONPatchType.expression should evaluate to array');
  let result = deepCopy(object);
  for (const item of value) {
    if (!(item instanceof Constructed)) throw new Error('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch');
    const inner = item.fields.get('value');
    if (inner instanceof Constructed) checkNames(inner);
    const operation = toJson(item) as JsonPatchOperation;
    try {
      result = jsonPatch(result, [operation]);
    } catch (error) {
      if (operation.op === 'test') return object;
      throw new Error(`JSON Patch: ${error instanceof InapplicablePatch ? error.why : (error as Error).message}`);
    }
  }
  return result;
}
