// Writes api/gen/schema.json (fields of every type) and api/gen/protobuf.json (their numbers on the wire).
import { type GoDecl, type GoType, isOptional, type JsonField, type Model, marker, markerValues } from './model.ts';
import { baseOf, definitionName, PACKAGES, SPECIAL } from './names.ts';

type Json = Record<string, unknown>;

export function schemaFile(model: Model): Json {
  const kinds: Json = {};
  const definitions: Json = {};
  for (const pkg of Object.keys(PACKAGES)) {
    for (const decl of model.structsOf(pkg)) {
      const goName = `${pkg}.${decl.name}`;
      if (SPECIAL[goName]) continue;
      definitions[definitionName(goName)] = definitionOf(model, decl);
      if (model.isRoot(decl)) kinds[[model.groups[pkg], pkg.slice(pkg.lastIndexOf('/') + 1), decl.name].join('/')] = definitionName(goName);
    }
  }
  return { kinds, definitions };
}

/** Numbers per field; `<` lists embedded structs that are messages of their own. */
export function protobufFile(model: Model): Json {
  const out: Json = {};
  for (const pkg of Object.keys(PACKAGES)) {
    for (const decl of model.structsOf(pkg)) {
      const message: Json = {};
      for (const field of model.fieldsOf(decl)) if (field.protobuf !== undefined) message[field.json] = field.protobuf;
      const inlined = model.inlinedOf(decl);
      if (inlined.length) message['<'] = inlined.map((one) => [one.protobuf, definitionName(one.type)]);
      if (Object.keys(message).length) out[definitionName(`${pkg}.${decl.name}`)] = message;
    }
  }
  return out;
}

function definitionOf(model: Model, decl: GoDecl): Json {
  const fields: Json = {};
  const required: string[] = [];
  for (const field of model.fieldsOf(decl)) {
    fields[field.json] = fieldOf(model, field);
    if (!isOptional(field)) required.push(field.json);
  }
  return { fields, ...(required.length ? { required } : {}), ...(marker(decl.markers, 'structType') === 'atomic' ? { atomic: true } : {}) };
}

function fieldOf(model: Model, field: JsonField): Json {
  const out = typeOf(model, field.type);
  if (field.repeated) delete out['boxed'];
  const listType = marker(field.markers, 'listType');
  if (listType) out['listType'] = listType;
  const keys = markerValues(field.markers, 'listMapKey');
  if (keys.length) out['listMapKeys'] = keys;
  if (marker(field.markers, 'mapType') === 'atomic' || marker(field.markers, 'structType') === 'atomic') out['atomic'] = true;
  if (field.patchStrategy) out['patchStrategy'] = field.patchStrategy;
  if (field.patchMergeKey) out['patchMergeKey'] = field.patchMergeKey;
  const fallback = jsonOf(marker(field.markers, 'default'));
  if (fallback !== undefined) out['default'] = fallback;
  if (field.type.ptr) out['pointer'] = true;
  if (kept(model, field)) out['keep'] = true;
  if (field.via && field.via !== 'TypeMeta') out['via'] = field.via;
  return out;
}

/** Whether Go's encoder writes the field even when it is zero. */
function kept(model: Model, field: JsonField): boolean {
  if (field.omitZero) return false;
  if (!field.omitEmpty) return true;
  if (field.type.ptr) return false;
  const name = model.underlying(field.type).name;
  const special = name === undefined ? undefined : SPECIAL[name];
  return special ? special.type !== 'any' || baseOf(name!) !== 'Object' : name !== undefined && model.decl(name)?.struct === true;
}

function jsonOf(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const BASIC: Record<string, Json> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int: { type: 'integer', format: 'int64', go: 'int' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  uint8: { type: 'integer', format: 'int32', go: 'uint8' },
  uint16: { type: 'integer', format: 'int32', go: 'uint16' },
  uint32: { type: 'integer', format: 'int64', go: 'uint32' },
  uint64: { type: 'integer', format: 'int64', go: 'uint64' },
  float32: { type: 'number', format: 'float' },
  float64: { type: 'number', format: 'double' },
};

function typeOf(model: Model, type: GoType): Json {
  if (type.ptr) return typeOf(model, type.ptr);
  if (type.slice) return sliceOf(model, type.slice);
  if (type.key && type.value) return { type: 'map', items: typeOf(model, type.value) };
  if (type.any || type.name === undefined || type.name === 'any') return { type: 'any' };
  const special = SPECIAL[type.name];
  if (special)
    return {
      type: special.type,
      ...(special.format ? { format: special.format } : {}),
      ...(special.type === 'any' ? { ref: definitionName(type.name) } : {}),
    };
  const basic = BASIC[type.name];
  if (basic) return { ...basic };
  const decl = model.decl(type.name);
  if (!decl) throw new Error(`unknown Go type ${type.name}`);
  if (decl.struct) return { type: 'ref', ref: definitionName(type.name) };
  const inner = typeOf(model, decl.type!);
  const boxed = inner['type'] === 'array' ? { boxed: true } : {};
  return { ...inner, ...boxed, go: `${type.name.split('/').pop()!}` };
}

function sliceOf(model: Model, item: GoType): Json {
  if (item.name === 'byte') return { type: 'string', format: 'byte' };
  return { type: 'array', items: typeOf(model, item) };
}
