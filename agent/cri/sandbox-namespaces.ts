// The namespaces that a sandbox's containers share, pinned to files: no process is needed to hold them.
import { type OwnedNamespace, pinNamespace, pinUserNamespace, sethostname, writeSysctl } from '../../kit/linux/index.ts';
import { type CriContext, messageOf, sandboxFile, usesPodIpc, usesPodNetwork } from './context.ts';
import type { SandboxRecord } from './records.ts';

/** Which of them there are depends on what the pod asks for. */
export const SANDBOX_PINS = ['net', 'uts', 'ipc', 'pid', 'user'] as const;

/** The kernel's own limit. */
const HOSTNAME_MAX = 64;

/** Idempotent, also after a crash in the middle. */
export async function makeNamespaces(context: CriContext, { id, config }: SandboxRecord): Promise<void> {
  const wanted = namespacesOf(config).map(({ kind, inside }) => ({ kind, inside, path: sandboxFile(context, id, kind) }));
  const user = config.linux?.namespaces?.user;
  if (user) await pinUserNamespace(sandboxFile(context, id, 'user'), user, wanted);
  else for (const { kind, path, inside } of wanted) pinNamespace(kind, path, inside);
}

function namespacesOf(config: SandboxRecord['config']): Required<Omit<OwnedNamespace, 'path'>>[] {
  const sysctls = Object.entries(config.linux?.sysctls ?? {});
  const set = (wanted: (name: string) => boolean) => () => {
    for (const [name, value] of sysctls) if (wanted(name)) setSysctl(name, value);
  };
  const isNet = (name: string) => name.startsWith('net.') || name.startsWith('net/');
  return [
    ...(usesPodNetwork(config)
      ? [
          { kind: 'net' as const, inside: set(isNet) },
          { kind: 'uts' as const, inside: () => sethostname(config.hostname.slice(0, HOSTNAME_MAX)) },
        ]
      : []),
    ...(usesPodIpc(config) ? [{ kind: 'ipc' as const, inside: set((name) => !isNet(name)) }] : []),
  ];
}

/** @throws Error that names the setting: a client gives many */
function setSysctl(name: string, value: string): void {
  try {
    writeSysctl(name, value);
  } catch (error) {
    throw new Error(`sysctl ${name} cannot be ${JSON.stringify(value)}: ${messageOf(error)}`, { cause: error });
  }
}
