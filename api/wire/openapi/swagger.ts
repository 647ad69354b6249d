// OpenAPI v2 (Swagger) of everything, as kubectl up to 1.28 and other old clients ask for it: made from the parts of v3.
import { groupPaths, INFO, type OpenApiSource, versionPaths } from './document.ts';
import { Components, type Json } from './schemas.ts';

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A part of the document; parts of the same name belong together. */
export type SwaggerPiece = { paths: Json } | { definitions: Json } | { rest: Json };

const DEFINITIONS_A_PIECE = 40;

/**
 * `/openapi/v2` in pieces, each some ten milliseconds of work: whoever takes them can do something else in between.
 * All paths come before the first definition.
 */
export function* swaggerPieces(source: OpenApiSource, gitVersion: string): Generator<SwaggerPiece> {
  const components = new Components(source.descriptions);
  const groups = new Map(source.kinds.map(({ group, version }) => [`${group}/${version}`, { group, version }]));
  yield {
    rest: {
      swagger: '2.0',
      info: { title: INFO.title, version: gitVersion },
      securityDefinitions: {
        BearerToken: { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' },
      },
      security: [{ BearerToken: [] }],
    },
  };
  yield { paths: { '/version/': pathItem(versionPaths(components)['/version/']!) } };
  for (const { group, version } of groups.values()) {
    const paths = Object.entries(groupPaths(group, version, source, components) ?? {});
    yield { paths: Object.fromEntries(paths.map(([path, item]) => [path, pathItem(item)])) };
  }
  const schemas = Object.entries(components.schemas);
  for (let at = 0; at < schemas.length; at += DEFINITIONS_A_PIECE) {
    const piece = schemas.slice(at, at + DEFINITIONS_A_PIECE);
    yield { definitions: Object.fromEntries(piece.map(([name, schema]) => [name, definitionOf(schema)])) };
  }
}

/** Text of the object whose members are those of all pieces; the pieces' own texts are passed on as they are made. */
export function* swaggerJson(pieces: Iterable<SwaggerPiece>): Generator<string> {
  let open: 'paths' | 'definitions' | undefined;
  const inside = (json: Json): string => JSON.stringify(json).slice(1, -1);
  for (const piece of pieces) {
    if ('rest' in piece) {
      yield `{${inside(piece.rest)}`;
      continue;
    }
    const [name, members] = 'paths' in piece ? (['paths', piece.paths] as const) : (['definitions', piece.definitions] as const);
    const before = open === name ? ',' : `${open === undefined ? '' : '}'},"${name}":{`;
    open = name;
    yield before + inside(members);
  }
  yield '}}';
}

function pathItem(item: Json): Json {
  return Object.fromEntries(
    Object.entries(item).map(([key, value]) => [
      key,
      key === 'parameters' ? (value as Json[]).map(parameterOf) : operationOf(value as Json),
    ]),
  );
}

const parameterOf = ({ schema, ...rest }: Json): Json => ({ ...(schema as Json), ...rest });

function operationOf({ requestBody, responses, parameters, ...rest }: Json): Json {
  const body = requestBody as { content: Record<string, { schema: Json }>; required?: boolean } | undefined;
  const consumes = Object.keys(body?.content ?? { '*/*': {} });
  const answers = Object.entries(responses as Record<string, { description: string; content?: Record<string, { schema: Json }> }>);
  const produces = new Set(answers.flatMap(([, { content }]) => Object.keys(content ?? {})));
  const all = [
    ...(body
      ? [
          {
            name: 'body',
            in: 'body',
            ...(body.required ? { required: true } : {}),
            schema: schemaOf(Object.values(body.content)[0]!.schema),
          },
        ]
      : []),
    ...((parameters ?? []) as Json[]).map(parameterOf),
  ];
  return {
    ...rest,
    schemes: ['https'],
    consumes: rest['x-kubernetes-action'] === undefined ? ['application/json'] : consumes,
    produces: [...produces],
    ...(all.length > 0 ? { parameters: all } : {}),
    responses: Object.fromEntries(
      answers.map(([code, { description, content }]) => [
        code,
        { description, ...(content ? { schema: schemaOf(Object.values(content)[0]!.schema) } : {}) },
      ]),
    ),
  };
}

const REF = '#/components/schemas/';
/** Keywords that v2 does not know. */
const UNKNOWN = new Set(['oneOf', 'anyOf', 'not', 'nullable', 'x-kubernetes-validations', 'x-kubernetes-embedded-resource']);

const KIND = 'x-kubernetes-group-version-kind';

/** A kind that keeps what it does not know says nothing of its fields. */
const definitionOf = (schema: Json): Json =>
  schema[KIND] !== undefined && schema['x-kubernetes-preserve-unknown-fields'] === true
    ? { type: 'object', [KIND]: schema[KIND] }
    : schemaOf(schema);

/** A schema as v2 can say it: what it cannot say is left out, so that clients check less rather than refuse what the server takes. */
function schemaOf(schema: Json): Json {
  if (schema['format'] === 'int-or-string') return { ...described(schema), type: 'string', format: 'int-or-string' };
  if (schema['x-kubernetes-int-or-string'] === true || schema['nullable'] === true) return { ...described(schema), ...extensions(schema) };
  if (Array.isArray(schema['oneOf']) && schema['type'] === undefined) return { ...described(schema), type: 'string' };
  const out: Json = {};
  for (const [key, value] of Object.entries(schema)) {
    if (UNKNOWN.has(key)) continue;
    if (key === '$ref') out['$ref'] = `#/definitions/${String(value).slice(REF.length)}`;
    else if (key === 'allOf') Object.assign(out, allOf(value as Json[]));
    else if (key === 'properties')
      out[key] = Object.fromEntries(Object.entries(value as Record<string, Json>).map(([k, v]) => [k, schemaOf(v)]));
    else if ((key === 'items' || key === 'additionalProperties') && isObject(value)) out[key] = schemaOf(value);
    else out[key] = value;
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) delete out['properties'];
  return out;
}

/** Of one reference: v2 allows a text beside it. Real conjunctions (custom resources) are left out. */
const allOf = (parts: Json[]): Json => (parts.length === 1 && parts[0]!['$ref'] !== undefined ? schemaOf(parts[0]!) : {});

const described = ({ description }: Json): Json => (description === undefined ? {} : { description });

const extensions = (schema: Json): Json => Object.fromEntries(Object.entries(schema).filter(([key]) => key.startsWith('x-kubernetes-')));
