// A Swagger document as the protobuf message openapi.v2.Document (gnostic's OpenAPIv2.proto), which kubectl up to 1.28 asks for.
import { ByteWriter } from '../protobuf/bytes.ts';
import type { Json } from './schemas.ts';
import type { SwaggerPiece } from './swagger.ts';

/** How one value goes into a message under its number. */
type Put = (into: ByteWriter, number: number, value: any) => void;
/** Numbers of a message's fields by JSON name. */
type Message = Readonly<Record<string, readonly [number, Put]>>;

const LENGTH_DELIMITED = 2;

const text: Put = (into, number, value: string) => {
  into.tag(number, LENGTH_DELIMITED);
  into.string(value);
};
const texts: Put = (into, number, values: string[]) => {
  for (const value of values) text(into, number, value);
};
const flag: Put = (into, number, value: boolean) => {
  into.tag(number, 0);
  into.varint(value ? 1 : 0);
};
const integer: Put = (into, number, value: number) => {
  into.tag(number, 0);
  into.varint(value);
};
const double: Put = (into, number, value: number) => {
  into.tag(number, 1);
  into.double(value);
};

function nested(into: ByteWriter, number: number, write: (inner: ByteWriter) => void): void {
  into.tag(number, LENGTH_DELIMITED);
  into.part(write);
}

/** openapi.v2.Any: the value as YAML, which JSON is. */
const any: Put = (into, number, value: unknown) => nested(into, number, (inner) => text(inner, 2, JSON.stringify(value)));
const anys: Put = (into, number, values: unknown[]) => {
  for (const value of values) any(into, number, value);
};

/** Fields of the message; `x-…` go under the number of its vendor extensions. */
function write(into: ByteWriter, message: Message, extensions: number, value: Json): void {
  for (const [key, one] of Object.entries(value)) {
    const field = Object.hasOwn(message, key) ? message[key] : undefined;
    if (field) field[1](into, field[0], one);
    else if (key.startsWith('x-'))
      nested(into, extensions, (inner) => {
        text(inner, 1, key);
        any(inner, 2, one);
      });
  }
}

const message =
  (fields: () => Message, extensions: number): Put =>
  (into, number, value: Json) =>
    nested(into, number, (inner) => write(inner, fields(), extensions, value));

const each =
  (put: Put): Put =>
  (into, number, values: Json[]) => {
    for (const value of values) put(into, number, value);
  };

/** A map as a message of named values, each `{name = 1, value = 2}` under the given number. */
const named =
  (put: Put, inside: number): Put =>
  (into, number, values: Record<string, unknown>) =>
    nested(into, number, (inner) => {
      for (const [name, value] of Object.entries(values))
        nested(inner, inside, (entry) => {
          text(entry, 1, name);
          put(entry, 2, value);
        });
    });

/** A message whose only field is `put` under number 1 (gnostic's oneofs and lists). */
const wrapped =
  (put: Put, at = 1): Put =>
  (into, number, value) =>
    nested(into, number, (inner) => put(inner, at, value));

const schema: Put = message(() => SCHEMA, 31);

const SCHEMA: Message = {
  $ref: [1, text],
  format: [2, text],
  title: [3, text],
  description: [4, text],
  default: [5, any],
  multipleOf: [6, double],
  maximum: [7, double],
  exclusiveMaximum: [8, flag],
  minimum: [9, double],
  exclusiveMinimum: [10, flag],
  maxLength: [11, integer],
  minLength: [12, integer],
  pattern: [13, text],
  maxItems: [14, integer],
  minItems: [15, integer],
  uniqueItems: [16, flag],
  maxProperties: [17, integer],
  minProperties: [18, integer],
  required: [19, texts],
  enum: [20, anys],
  additionalProperties: [
    21,
    (into, number, value) =>
      nested(into, number, (inner) => (typeof value === 'boolean' ? flag(inner, 2, value) : schema(inner, 1, value))),
  ],
  type: [22, wrapped(text)],
  items: [23, wrapped(schema)],
  allOf: [24, each(schema)],
  properties: [25, named(schema, 1)],
};

const BODY_PARAMETER: Message = { description: [1, text], name: [2, text], in: [3, text], required: [4, flag], schema: [5, schema] };
const QUERY_PARAMETER: Message = {
  required: [1, flag],
  in: [2, text],
  description: [3, text],
  name: [4, text],
  type: [6, text],
  format: [7, text],
  uniqueItems: [20, flag],
};
const PATH_PARAMETER: Message = {
  required: [1, flag],
  in: [2, text],
  description: [3, text],
  name: [4, text],
  type: [5, text],
  format: [6, text],
  uniqueItems: [19, flag],
};

const bodyParameter = message(() => BODY_PARAMETER, 6);
/** Members of NonBodyParameter. */
const queryParameter = wrapped(
  message(() => QUERY_PARAMETER, 23),
  3,
);
const pathParameter = wrapped(
  message(() => PATH_PARAMETER, 22),
  4,
);

/** ParametersItem { Parameter { body = 1, other = 2 } = 1 } */
const parameter: Put = wrapped((into, number, value: Json) =>
  nested(into, number, (inner) => {
    if (value['in'] === 'body') bodyParameter(inner, 1, value);
    else (value['in'] === 'path' ? pathParameter : queryParameter)(inner, 2, value);
  }),
);

const RESPONSE: Message = { description: [1, text], schema: [2, wrapped(schema)] };
const response = message(() => RESPONSE, 5);

const OPERATION: Message = {
  tags: [1, texts],
  summary: [2, text],
  description: [3, text],
  operationId: [5, text],
  produces: [6, texts],
  consumes: [7, texts],
  parameters: [8, each(parameter)],
  responses: [9, named(wrapped(response), 1)],
  schemes: [10, texts],
  deprecated: [11, flag],
};
const operation = message(() => OPERATION, 13);

const PATH_ITEM: Message = {
  get: [2, operation],
  put: [3, operation],
  post: [4, operation],
  delete: [5, operation],
  patch: [8, operation],
  parameters: [9, each(parameter)],
};

const API_KEY: Message = { type: [1, text], name: [2, text], in: [3, text], description: [4, text] };

const DOCUMENT: Message = {
  swagger: [1, text],
  info: [2, message(() => ({ title: [1, text], version: [2, text] }), 7)],
  paths: [
    8,
    named(
      message(() => PATH_ITEM, 10),
      2,
    ),
  ],
  definitions: [9, named(schema, 1)],
  security: [12, each(named(wrapped(texts), 1))],
  securityDefinitions: [
    13,
    named(
      wrapped(
        message(() => API_KEY, 5),
        2,
      ),
      1,
    ),
  ],
};

/** Bytes of the pieces one after the other are the document: protobuf puts parts of a message together. */
export function* swaggerProtobuf(pieces: Iterable<SwaggerPiece>): Generator<Uint8Array> {
  for (const piece of pieces) {
    const out = new ByteWriter();
    write(out, DOCUMENT, 16, 'rest' in piece ? piece.rest : piece);
    yield out.result();
  }
}
