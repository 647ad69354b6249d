import { expect, test } from 'vitest';
import { swaggerJson } from './swagger.ts';
import { mergedSwagger, type SwaggerPart, swaggerPart } from './swagger-merge.ts';

const reference = (name: string) => ({ $ref: `#/definitions/${name}` });
const answer = (name: string) => ({ get: { responses: { 200: { description: 'OK', schema: reference(name) } } } });
const merged = (definitions: Record<string, object>, ...others: SwaggerPart[]) =>
  JSON.parse(
    [
      ...swaggerJson(
        mergedSwagger([{ rest: { swagger: '2.0' } }, { paths: { '/own': answer('Own') } }, { definitions: definitions as never }], others),
      ),
    ].join(''),
  );

test('of a document its group is taken, with what that needs', () => {
  const document = {
    paths: { '/apis/x.io/v1/things': { parameters: [{ $ref: '#/parameters/pretty' }], ...answer('List') }, '/healthz': answer('Unused') },
    definitions: {
      List: { properties: { items: { items: reference('Thing') } } },
      Thing: { properties: { next: reference('Thing') } },
      Unused: {},
    },
    parameters: { pretty: { name: 'pretty', in: 'query' } },
  };
  const part = swaggerPart(document, '/apis/x.io/');
  expect(part.paths).toEqual({ '/apis/x.io/v1/things': { parameters: [{ name: 'pretty', in: 'query' }], ...answer('List') } });
  expect(part.definitions).toEqual({ List: document.definitions.List, Thing: document.definitions.Thing });
});

test.each([undefined, null, 'text', [], { paths: 1, definitions: 'x' }, { paths: { '/apis/x.io/v1': 5 } }])(
  '%j is no document',
  (document) => {
    expect(swaggerPart(document, '/apis/x.io/')).toEqual({ paths: {}, definitions: {} });
  },
);

test('the same definition is one, for the kinds of both; another one of its name is renamed everywhere', () => {
  const kinds = (kind: string) => ({ 'x-kubernetes-group-version-kind': [{ kind }] });
  const part = {
    paths: { '/apis/x.io/v1': answer('Meta'), '/own': answer('Meta') },
    definitions: { Options: { type: 'object', ...kinds('B') }, Meta: { type: 'string' } },
  };
  const { paths, definitions } = merged({ Own: {}, Options: { type: 'object', ...kinds('A') }, Meta: { type: 'object' } }, part, part);
  expect(definitions).toEqual({
    Own: {},
    Options: { type: 'object', 'x-kubernetes-group-version-kind': [{ kind: 'A' }, { kind: 'B' }] },
    Meta: { type: 'object' },
    Meta_v2: { type: 'string' },
  });
  expect(paths).toEqual({ '/own': answer('Own'), '/apis/x.io/v1': answer('Meta_v2') });
});
