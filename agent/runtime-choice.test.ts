import { expect, test } from 'vitest';
import { parseRuntime, parseRuntimeHandlers } from './runtime-choice.ts';

test.each([
  ['runc', { kind: 'oci', program: { path: 'runc' } }],
  ['crun', { kind: 'oci', program: { path: 'crun' } }],
  ['/usr/bin/runsc', { kind: 'oci', program: { path: '/usr/bin/runsc' } }],
  ['unix:///run/containerd/containerd.sock', { kind: 'cri', socket: '/run/containerd/containerd.sock' }],
  ['docker:///var/run/docker.sock', { kind: 'docker', socket: '/var/run/docker.sock' }],
])('%s', (text, choice) => expect(parseRuntime(text)).toEqual(choice));

test.each(['', 'youki', 'bin/runsc', '/', 'unix://', 'unix://run/x.sock', 'tcp://host:1', 'docker:', 7, undefined])(
  '%j is refused',
  (text) => expect(() => parseRuntime(text)).toThrow(/must be runc, crun, the path of an OCI runtime/),
);

test('handlers: a program each, with arguments of the user', () =>
  expect(parseRuntimeHandlers({ gvisor: { path: '/usr/bin/runsc', args: ['--platform=systrap'] }, crun: { path: 'crun' } })).toEqual({
    gvisor: { path: '/usr/bin/runsc', args: ['--platform=systrap'] },
    crun: { path: 'crun', args: [] },
  }));

test.each([
  [[], 'must map names of handlers'],
  [{ 'Not-A-Label': { path: '/x' } }, '"Not-A-Label" is not a DNS label'],
  [{ gvisor: null }, 'gvisor: path must be runc, crun or an absolute path, is undefined'],
  [{ gvisor: { path: 'runsc' } }, 'gvisor: path must be runc, crun or an absolute path, is "runsc"'],
  [{ gvisor: { path: '/x', args: '-v' } }, 'gvisor: args must be a list of texts'],
])('handlers %j are refused', (given, text) => expect(() => parseRuntimeHandlers(given)).toThrow(text));
