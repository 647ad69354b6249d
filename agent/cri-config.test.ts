import { expect, test } from 'vitest';
import { parseCriConfig } from './cri-config.ts';

test('what is absent takes its default', () => {
  expect(parseCriConfig('{"runtime":"crun"}')).toMatchObject({ runtime: 'crun', socket: '/run/wherry/cri.sock', insecureRegistries: [] });
});

test.each([
  ['[]', 'must be a JSON object'],
  ['{"sokcet":"/x"}', /^field sokcet: unknown; known are socket, /],
  ['{"socket":""}', 'field socket: must be a text that is not empty, is ""'],
  ['{"runtime":"rkt"}', 'field runtime: must be runc, crun, the path of an OCI runtime'],
  ['{"cgroupDriver":"Systemd"}', 'field cgroupDriver: must be cgroupfs or systemd, is "Systemd"'],
  ['{"insecureRegistries":"a"}', 'field insecureRegistries: must be a list of texts'],
  ['{"mirrors":{"docker.io":["127.0.0.1:5000"]}}', 'field mirrors: "127.0.0.1:5000" must be http:// or https://, a host and a port'],
])('%s is told', (text, message) => expect(() => parseCriConfig(text)).toThrow(message));
