// Entry of api/wire: bodies in, documents out. Pure functions over bytes and objects.
export * from './body.ts';
export * from './check.ts';
export * from './discovery.ts';
export { withoutEmpties } from './empties.ts';
export { type ParsedBody, parseJson } from './json.ts';
export { type Description, type Descriptions, noDescriptions } from './openapi/description.ts';
export {
  type CustomSchema,
  type OpenApiSource,
  openApiDocument,
  openApiHashes,
  openApiIndex,
} from './openapi/document.ts';
export { swaggerJson, swaggerPieces } from './openapi/swagger.ts';
export { mergedSwagger, type SwaggerPart, swaggerPart } from './openapi/swagger-merge.ts';
export { swaggerProtobuf } from './openapi/swagger-protobuf.ts';
export { ByteWriter } from './protobuf/bytes.ts';
export { encodeProtobuf, PROTOBUF } from './protobuf/envelope.ts';
export { type ProtobufList, protobufList } from './protobuf/list.ts';
export { watchFrame } from './protobuf/watch-event.ts';
export * from './table.ts';
export { type ParsedYaml, parseYaml, type YamlReader, yamlEntries } from './yaml.ts';
export { readerOfAnswer } from './yaml-answer.ts';
