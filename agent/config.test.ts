import { expect, test } from 'vitest';
import { parseConfig } from './config.ts';

const good = {
  nodeName: 'n1',
  nodeIP: '192.0.2.1',
  kubeconfig: '/k',
  stateDir: '/s',
  runDir: '/r',
  imagesDir: '/i',
  logDir: '/l',
  clusterDNS: '10.0.0.10',
  serviceCIDR: '10.0.0.0/16',
  clusterCIDR: '10.244.0.0/16',
  servingCert: '/c',
  servingKey: '/p',
  clientCA: '/a',
};

test('what is left out gets its default', () => {
  expect(parseConfig(JSON.stringify(good))).toMatchObject({
    clusterName: 'wherry',
    runtime: 'runc',
    port: 10250,
    cgroupParent: '/',
    cgroupDriver: 'cgroupfs',
    labels: {},
  });
});

test.each([
  [{ nodeName: undefined }, 'field nodeName: missing'],
  [{ nodeIP: 5 }, 'field nodeIP: must be a text that is not empty, is 5'],
  [{ runtime: 'docker' }, 'field runtime: must be runc, crun, the path of an OCI runtime'],
  [{ cgroupDriver: 'openrc' }, 'field cgroupDriver: must be cgroupfs or systemd, is "openrc"'],
  [{ port: 0 }, 'field port: must be a port number, is 0'],
  [{ criSocket: 'cri.sock' }, 'field criSocket: must be a path of at most 107 bytes, is "cri.sock"'],
  [{ criSocket: `/${'x'.repeat(107)}` }, 'field criSocket: must be a path of at most 107 bytes'],
  [{ containerLogMaxFiles: 1 }, 'field containerLogMaxFiles: must be a whole number of at least 2, is 1'],
  [{ mirrors: { 'docker.io': ['ftp://x'] } }, 'field mirrors: "ftp://x" must be http:// or https://'],
  [{ imageGCLowThresholdPercent: 85 }, 'field imageGCLowThresholdPercent: must be less than imageGCHighThresholdPercent'],
  [{ cpuManagerPolicy: 'static' }, 'field cpuManagerPolicy: only "none" is supported, is "static"'],
  [{ topologyManagerPolicy: 'best-effort' }, 'field topologyManagerPolicy: only "none" is supported, is "best-effort"'],
  [{ memoryManagerPolicy: 'Static' }, 'field memoryManagerPolicy: only "None" is supported, is "Static"'],
  [{ labels: { a: 1 } }, 'field labels: must map texts to texts'],
])('%j is refused', (change, message) => {
  expect(() => parseConfig(JSON.stringify({ ...good, ...change }))).toThrow(message);
});
