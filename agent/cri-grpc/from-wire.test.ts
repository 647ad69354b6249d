// What clients ask for, as tables.
import { describe, expect, test } from 'vitest';
import { containerConfig, podSandboxConfig, registryAuth } from './from-wire.ts';
import type * as wire from './gen/types.ts';

const security = (linux: wire.LinuxContainerSecurityContext) =>
  containerConfig({ linux: { securityContext: linux } }).linux?.securityContext;

describe('containers', () => {
  test.each<[wire.LinuxContainerSecurityContext, object]>([
    [{ seccomp: {} }, { seccomp: { type: 'RuntimeDefault' } }],
    [{ seccomp: { profileType: 'Localhost', localhostRef: '/p.json' } }, { seccomp: { type: 'Localhost', localhostRef: '/p.json' } }],
    [{ seccompProfilePath: 'runtime/default' }, { seccomp: { type: 'RuntimeDefault' } }],
    [{ seccompProfilePath: 'localhost//p.json' }, { seccomp: { type: 'Localhost', localhostRef: '/p.json' } }],
    [{ seccomp: { profileType: 'Unconfined' }, seccompProfilePath: 'runtime/default' }, { seccomp: { type: 'Unconfined' } }],
    [{ apparmor: { profileType: 'Localhost', localhostRef: 'p' } }, { apparmor: { type: 'Localhost', localhostRef: 'p' } }],
    [{ capabilities: { addCapabilities: ['CAP_sys_admin', 'ALL'] } }, { capabilities: { add: ['SYS_ADMIN', 'ALL'], drop: [] } }],
    [
      { runAsUser: { value: 0 }, runAsGroup: { value: 7 } },
      { runAsUser: 0, runAsGroup: 7 },
    ],
    [{ runAsUser: {} }, { runAsUser: 0 }],
    [{ supplementalGroupsPolicy: 'Strict' }, { supplementalGroupsPolicy: 'Strict' }],
    [{ namespaceOptions: { pid: 'TARGET', targetId: 'abc' } }, { pidTarget: 'abc' }],
  ])('%j', (given, expected) => expect(security(given)).toMatchObject(expected));

  test('who asks for no profile has none', () => {
    expect(security({})).not.toHaveProperty('seccomp');
    expect(security({ seccompProfilePath: 'unconfined' })).not.toHaveProperty('seccomp');
  });

  test('an image as a volume, and how mounts travel', () => {
    const mounts: wire.Mount[] = [
      { containerPath: '/data', readonly: true, image: { image: 'x:1' }, imageSubPath: 'etc' },
      { containerPath: '/h', hostPath: '/host', propagation: 'PROPAGATION_BIDIRECTIONAL' },
    ];
    expect(containerConfig({ mounts }).mounts).toEqual([
      { hostPath: '', containerPath: '/data', readonly: true, image: 'x:1', imageSubPath: 'etc', propagation: 'private' },
      { hostPath: '/host', containerPath: '/h', readonly: false, propagation: 'bidirectional' },
    ]);
  });

  const unknown = 99 as unknown as never;
  test.each<[wire.ContainerConfig, string]>([
    [{ linux: { securityContext: { runAsGroup: { value: 1 } } } }, 'runAsGroup is specified without runAsUser'],
    [{ mounts: [{ propagation: unknown }] }, 'mount propagation: 99 is not known'],
    [{ linux: { securityContext: { seccomp: { profileType: unknown } } } }, 'profile type: 99 is not known'],
  ])('%j is refused', (config, why) => expect(() => containerConfig(config)).toThrow(why));

  test.each([
    ['RUNTIME_DEFAULT', undefined],
    ['SIGUSR1', 'SIGUSR1'],
    ['SIGRTMINPLUS3', 'SIGRTMIN+3'],
    ['SIGRTMAXMINUS2', 'SIGRTMAX-2'],
  ] as const)('stop signal %s', (stopSignal, expected) => expect(containerConfig({ stopSignal }).stopSignal).toBe(expected));
});

describe('sandboxes', () => {
  test('namespaces and ports', () => {
    const config: wire.PodSandboxConfig = {
      hostname: 'h',
      portMappings: [{ containerPort: 80, hostPort: 8080 }],
      linux: { securityContext: { namespaceOptions: { network: 'POD', pid: 'CONTAINER', ipc: 'NODE' } } },
    };
    expect(podSandboxConfig(config, 'crun')).toMatchObject({
      hostname: 'h',
      runtimeHandler: 'crun',
      portMappings: [{ protocol: 'TCP', containerPort: 80, hostPort: 8080, hostIp: '' }],
      linux: { namespaces: { network: 'pod', pid: 'container', ipc: 'node' } },
    });
  });
  test('users of its own: one range, from 0 on', () => {
    const users = (usernsOptions: wire.UserNamespace) =>
      podSandboxConfig({ linux: { securityContext: { namespaceOptions: { usernsOptions } } } }, '').linux?.namespaces?.user;
    const range = { containerId: 0, hostId: 65_536, length: 65_536 };
    const ours = { hostId: 65_536, length: 65_536 };
    expect(users({ mode: 'POD', uids: [range], gids: [range] })).toEqual({ uids: ours, gids: ours });
    expect(users({ mode: 'NODE' })).toBeUndefined();
    for (const mode of ['CONTAINER', 'TARGET'] as const)
      expect(() => users({ mode, uids: [range], gids: [range] })).toThrow(`namespace mode of user: "${mode}" is not known`);
    for (const wrong of [[], [range, range], [{ ...range, containerId: 1 }], [{ ...range, length: 0 }]])
      expect(() => users({ mode: 'POD', uids: wrong, gids: [range] })).toThrow('must be one mapping');
  });
  test('modes and protocols that do not exist are refused', () => {
    const unknown = 42 as unknown as never;
    expect(() => podSandboxConfig({ portMappings: [{ protocol: unknown }] }, '')).toThrow('protocol: 42 is not known');
    const linux = { securityContext: { namespaceOptions: { pid: unknown } } };
    expect(() => podSandboxConfig({ linux }, '')).toThrow('namespace mode of pid: 42 is not known');
  });
});

test('credentials: empty texts are none', () => {
  expect(registryAuth({ username: '', password: '' })).toBeUndefined();
  expect(registryAuth({ username: 'u', password: 'p' })).toEqual({ username: 'u', password: 'p' });
});
