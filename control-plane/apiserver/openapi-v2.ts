// /openapi/v2 for clients that fall back to it: a document without definitions, from which they learn that there is nothing to check by.
import type { ApiRequest, ApiResponse } from './request.ts';

/** Asked for with `v2@v1.0`, which is no valid media type: the answer has a dot there. */
const PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
const INFO = { title: 'Kubernetes', version: 'v1.36.2' };

/** One length-delimited field of a protobuf message; short texts only. */
const field = (number: number, content: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);

// openapi.v2.Document of gnostic: swagger = 1, info = 2 (title = 1, version = 2), paths = 8, definitions = 9.
const BYTES = Buffer.concat([
  field(1, Buffer.from('2.0')),
  field(2, Buffer.concat([field(1, Buffer.from(INFO.title)), field(2, Buffer.from(INFO.version))])),
  field(8, Buffer.alloc(0)),
  field(9, Buffer.alloc(0)),
]);

export async function openApiV2(request: ApiRequest): Promise<ApiResponse> {
  if ((request.headers['accept'] ?? '').includes('openapi')) return { status: 200, headers: { 'content-type': PROTOBUF }, body: BYTES };
  return { status: 200, headers: { 'content-type': 'application/json' }, body: { swagger: '2.0', info: INFO, paths: {}, definitions: {} } };
}
