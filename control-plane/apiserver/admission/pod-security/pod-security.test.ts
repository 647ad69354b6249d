import { describe, expect, test } from 'vitest';
import { findings } from './checks.ts';
import { policyOf } from './index.ts';

describe('pod security', () => {
  const container = (context: object) => ({ containers: [{ name: 'c', securityContext: context }] });
  const strict = {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  test.each<[string, 'baseline' | 'restricted', Record<string, unknown>, string[]]>([
    ['a plain pod', 'baseline', container({}), []],
    [
      'a plain pod',
      'restricted',
      container({}),
      ['allowPrivilegeEscalation != false', 'unrestricted capabilities', 'runAsNonRoot != true', 'seccompProfile'],
    ],
    ['a strict pod', 'restricted', container(strict), []],
    ['privileged', 'baseline', container({ privileged: true }), ['privileged']],
    ['host namespaces', 'baseline', { ...container({}), hostNetwork: true, hostPID: true }, ['host namespaces']],
    ['host paths', 'baseline', { ...container({}), volumes: [{ name: 'v', hostPath: { path: '/' } }] }, ['hostPath volumes']],
    ['host paths', 'restricted', { ...container(strict), volumes: [{ name: 'v', hostPath: { path: '/' } }] }, ['restricted volume types']],
    ['a capability', 'baseline', container({ capabilities: { add: ['NET_ADMIN'] } }), ['non-default capabilities']],
    ['root', 'restricted', container({ ...strict, runAsUser: 0 }), ['runAsUser=0']],
    ['a sysctl', 'baseline', { ...container({}), securityContext: { sysctls: [{ name: 'kernel.msgmax' }] } }, ['forbidden sysctls']],
  ])('%s at %s', (_, level, spec, reasons) => {
    expect(findings(spec, level).map(({ reason }) => reason)).toEqual(reasons);
  });
  test('details name the containers in order', () => {
    const spec = {
      initContainers: [{ name: 'i', securityContext: { privileged: true } }],
      containers: [{ name: 'a', securityContext: { privileged: true } }, { name: 'b' }],
    };
    expect(findings(spec, 'baseline')).toEqual([
      { reason: 'privileged', detail: 'containers "i", "a" must not set securityContext.privileged=true' },
    ]);
  });
  test('labels choose the policy', () => {
    expect(policyOf(undefined, 'enforce')).toEqual({ level: 'privileged', version: 'latest' });
    expect(
      policyOf({ 'pod-security.kubernetes.io/enforce': 'baseline', 'pod-security.kubernetes.io/enforce-version': 'v1.20' }, 'enforce'),
    ).toEqual({ level: 'baseline', version: 'v1.20' });
  });
  test.each<[string, Record<string, any>, 'baseline' | 'restricted', Record<string, string[]>]>([
    [
      'nothing asked for',
      container({}),
      'restricted',
      {
        'v1.7': ['runAsNonRoot != true'],
        'v1.8': ['allowPrivilegeEscalation != false', 'runAsNonRoot != true'],
        'v1.19': ['allowPrivilegeEscalation != false', 'runAsNonRoot != true', 'seccompProfile'],
        latest: ['allowPrivilegeEscalation != false', 'unrestricted capabilities', 'runAsNonRoot != true', 'seccompProfile'],
      },
    ],
    [
      'Windows',
      { ...container({ runAsNonRoot: true }), os: { name: 'windows' } },
      'restricted',
      { 'v1.24': ['allowPrivilegeEscalation != false', 'unrestricted capabilities', 'seccompProfile'], 'v1.25': [] },
    ],
    [
      'root of its own users',
      { ...container({ ...strict, runAsNonRoot: false, runAsUser: 0 }), hostUsers: false },
      'restricted',
      { 'v1.22': ['runAsNonRoot != true'], 'v1.34': ['runAsNonRoot != true', 'runAsUser=0'], 'v1.35': [], latest: [] },
    ],
    [
      'all of /proc of its own users',
      { ...container({ ...strict, procMount: 'Unmasked' }), hostUsers: false },
      'baseline',
      { 'v1.34': ['procMount'], 'v1.35': [] },
    ],
    [
      'all of /proc of its own users',
      { ...container({ ...strict, procMount: 'Unmasked' }), hostUsers: false },
      'restricted',
      { 'v1.34': ['procMount'], 'v1.35': ['procMount'] },
    ],
    [
      'a capability without drop, before the stricter rule',
      container({ ...strict, capabilities: { add: ['SYS_TIME'] } }),
      'restricted',
      { 'v1.21': ['non-default capabilities'], 'v1.22': ['unrestricted capabilities'] },
    ],
    [
      'a probe of another host',
      { containers: [{ name: 'c', livenessProbe: { httpGet: { host: '10.0.0.1', port: 80 } } }] },
      'baseline',
      { 'v1.33': [], 'v1.34': ['probe or lifecycle host'] },
    ],
    [
      'a sysctl of 1.29',
      { ...container({}), securityContext: { sysctls: [{ name: 'net.ipv4.tcp_fin_timeout' }] } },
      'baseline',
      { 'v1.28': ['forbidden sysctls'], 'v1.29': [] },
    ],
    [
      'an engine of containers',
      container({ seLinuxOptions: { type: 'container_engine_t' } }),
      'baseline',
      { 'v1.30': ['seLinuxOptions'], 'v1.31': [] },
    ],
  ])('%s by version (%#)', (_, spec, level, versions) => {
    for (const [version, reasons] of Object.entries(versions))
      expect({ version, reasons: findings(spec, level, version).map(({ reason }) => reason) }).toEqual({ version, reasons });
  });
  test('the baseline is told first', () => {
    const spec = { ...container({ ...strict, allowPrivilegeEscalation: true, privileged: true }), hostPID: true };
    expect(findings(spec, 'restricted').map(({ reason }) => reason)).toEqual([
      'host namespaces',
      'privileged',
      'allowPrivilegeEscalation != false',
    ]);
  });
});
