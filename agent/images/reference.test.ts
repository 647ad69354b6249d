// Image names, as a table.
import { expect, test } from 'vitest';
import { InvalidReference, normalizeName } from './reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test.each([
  ['nginx', 'docker.io/library/nginx:latest'],
  ['nginx:1.27', 'docker.io/library/nginx:1.27'],
  ['wherry/tools', 'docker.io/wherry/tools:latest'],
  ['docker.io/nginx', 'docker.io/library/nginx:latest'],
  ['index.docker.io/a/b:c', 'docker.io/a/b:c'],
  ['127.0.0.1:5000/x/y', '127.0.0.1:5000/x/y:latest'],
  ['localhost/x', 'localhost/x:latest'],
  ['registry.k8s.io/pause:3.10', 'registry.k8s.io/pause:3.10'],
  [`nginx@${digest}`, `docker.io/library/nginx@${digest}`],
  [`nginx:1@${digest}`, `docker.io/library/nginx@${digest}`],
])('%s is %s', (text, expected) => expect(normalizeName(text)).toBe(expected));

test.each(['', 'Nginx', 'a b', 'nginx:', 'nginx@sha256:12', 'a//b', '/a', 'x:y:z', '-a', 'a/../b'])('%j is refused', (text) =>
  expect(() => normalizeName(text)).toThrow(InvalidReference),
);

test("a name with capitals is told in upstream's words", () =>
  expect(() => normalizeName('Nginx:1')).toThrow(
    'couldn\'t parse image name "Nginx:1": invalid reference format: repository name (library/Nginx) must be lowercase',
  ));
