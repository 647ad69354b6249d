// The Go exporter's output, and the questions that the writers ask of it.

export interface GoType {
  name?: string;
  ptr?: GoType;
  slice?: GoType;
  key?: GoType;
  value?: GoType;
  any?: boolean;
}

export interface GoField {
  name: string;
  embedded?: boolean;
  tag?: string;
  type: GoType;
  markers?: string[];
}

export interface GoDecl {
  package: string;
  name: string;
  struct?: boolean;
  type?: GoType;
  fields?: GoField[];
  markers?: string[];
}

export interface Export {
  groups: Record<string, string>;
  decls: GoDecl[];
}

/** A field as JSON shows it: embedded structs are flattened, `via` names the struct it came from. */
export interface JsonField {
  json: string;
  type: GoType;
  omitEmpty: boolean;
  omitZero: boolean;
  markers: readonly string[];
  patchStrategy?: string;
  patchMergeKey?: string;
  protobuf?: number;
  /** Repeated on the wire, as opposed to one message. */
  repeated: boolean;
  via?: string;
}

/** An embedded struct that is a message of its own on the wire. */
export interface Inlined {
  protobuf: number;
  type: string;
}

export class Model {
  readonly #decls = new Map<string, GoDecl>();
  readonly groups: Readonly<Record<string, string>>;
  constructor(exported: Export) {
    this.groups = exported.groups;
    for (const decl of exported.decls) this.#decls.set(`${decl.package}.${decl.name}`, decl);
  }

  decl(name: string): GoDecl | undefined {
    return this.#decls.get(name);
  }

  structsOf(pkg: string): GoDecl[] {
    return [...this.#decls.values()].filter((decl) => decl.package === pkg && decl.struct);
  }

  /** Follows named types down to a basic type, a struct's name, a slice or a map. */
  underlying(type: GoType): GoType {
    let at = type.ptr ?? type;
    for (let depth = 0; depth < 10 && at.name; depth++) {
      const decl = this.decl(at.name);
      if (!decl || decl.struct || !decl.type) return at;
      at = decl.type;
    }
    return at;
  }

  /** JSON's fields of a struct, embedded ones included. */
  fieldsOf(decl: GoDecl): JsonField[] {
    const out: JsonField[] = [];
    for (const field of decl.fields ?? []) {
      const { json, omitEmpty, omitZero } = jsonTag(field);
      if (json === '-') continue;
      if (field.embedded && json === '') {
        const embedded = this.decl((field.type.ptr ?? field.type).name ?? '');
        for (const inner of embedded ? this.fieldsOf(embedded) : []) {
          // An embedded message has its own numbers (see inlinedOf); TypeMeta travels outside of the message.
          const { protobuf: _, ...rest } = inner;
          out.push({ ...rest, via: inner.via ? `${field.name}.${inner.via}` : field.name });
        }
        continue;
      }
      const number = protobufNumber(field);
      const strategy = tagOf(field, 'patchStrategy');
      const mergeKey = tagOf(field, 'patchMergeKey');
      out.push({
        json: json === '' ? field.name : json,
        type: field.type,
        omitEmpty,
        omitZero,
        markers: field.markers ?? [],
        repeated: tagOf(field, 'protobuf')?.split(',')[2] === 'rep',
        ...(strategy ? { patchStrategy: strategy } : {}),
        ...(mergeKey ? { patchMergeKey: mergeKey } : {}),
        ...(number === undefined ? {} : { protobuf: number }),
      });
    }
    return out;
  }

  inlinedOf(decl: GoDecl): Inlined[] {
    const out: Inlined[] = [];
    for (const field of decl.fields ?? []) {
      const number = protobufNumber(field);
      const name = (field.type.ptr ?? field.type).name;
      if (field.embedded && jsonTag(field).json === '' && number !== undefined && name) out.push({ protobuf: number, type: name });
    }
    return out;
  }

  isRoot(decl: GoDecl): boolean {
    return (decl.fields ?? []).some((field) => field.embedded && field.name === 'TypeMeta');
  }
}

export function marker(markers: readonly string[] | undefined, name: string): string | undefined {
  for (const line of markers ?? []) {
    if (line === name) return '';
    if (line.startsWith(`${name}=`)) return line.slice(name.length + 1);
  }
  return undefined;
}

export const markerValues = (markers: readonly string[], name: string): string[] =>
  markers.filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1));

/** Required as openapi-gen decides: an explicit marker, else no omitempty. */
export function isOptional(field: JsonField): boolean {
  if (marker(field.markers, 'required') !== undefined) return false;
  return marker(field.markers, 'optional') !== undefined || field.omitEmpty || field.omitZero;
}

function tagOf(field: GoField, key: string): string | undefined {
  return new RegExp(`(?:^| )${key}:"([^"]*)"`).exec(field.tag ?? '')?.[1];
}

function jsonTag(field: GoField): { json: string; omitEmpty: boolean; omitZero: boolean } {
  const [json = '', ...options] = (tagOf(field, 'json') ?? '').split(',');
  return { json, omitEmpty: options.includes('omitempty'), omitZero: options.includes('omitzero') };
}

function protobufNumber(field: GoField): number | undefined {
  const number = tagOf(field, 'protobuf')?.split(',')[1];
  return number === undefined ? undefined : Number(number);
}
