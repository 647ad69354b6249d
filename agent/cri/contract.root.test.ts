// The contract for our own service on each OCI runtime that is here.
import { existsSync, readlinkSync } from 'node:fs';
import { describe, test } from 'vitest';
import { isSystemdBooted } from '../../kit/dbus/index.ts';
import { cgroupLayout } from '../../kit/linux/index.ts';
import { ownBed } from './bed.fixture.ts';
import { criContract } from './cri.contract.ts';

const network = '10.244.9';
criContract('runc', { network, make: () => ownBed({ path: 'runc' }) });

const isOwnMountNamespace = readlinkSync('/proc/self/ns/mnt') !== readlinkSync('/proc/2/ns/mnt');
if (cgroupLayout() !== 'hybrid' || isOwnMountNamespace) criContract('crun', { network, make: () => ownBed({ path: 'crun' }) });
else
  describe('cri contract: crun', () =>
    test.skip('needs a mount namespace of its own on hybrid cgroups: scripts/test-runtimes gives it one', () => {}));

if (isSystemdBooted() && cgroupLayout() === 'v2')
  for (const path of ['runc', 'crun'])
    criContract(`${path} in systemd's scopes`, { network, make: () => ownBed({ path }, { cgroupDriver: 'systemd' }) });
else
  describe("cri contract in systemd's scopes", () =>
    test.skip('needs systemd as the first process, on v2: scripts/test-vm --systemd --shell', () => {}));

const runsc = process.env['WHERRY_TEST_RUNSC'] ?? '/usr/bin/runsc';
const platform = process.env['WHERRY_TEST_RUNSC_PLATFORM'] ?? 'ptrace';
if (existsSync(runsc))
  criContract('runsc', {
    network,
    lacks: {
      interfaces: "with the pod's network gVisor does not show its interfaces",
      'command looked for': 'gVisor says it in other words',
      'memory limit': 'not enforced with --ignore-cgroups',
      privileged: 'this gVisor does not start with all capabilities',
      sysctls: 'gVisor has its own network settings',
      'terminal device': 'gVisor names no /dev/pts device',
    },
    make: () => ownBed({ path: runsc, args: [`--platform=${platform}`, '--network=host', '--ignore-cgroups'] }),
  });
else describe('cri contract: runsc', () => test.skip(`${runsc} is not installed: scripts/test-runtimes installs it`, () => {}));
