// What this host lacks for wherry, and how to get it. Pure list of checks; each says one thing.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';

export interface Finding {
  ok: boolean;
  /** What was looked at. */
  what: string;
  /** What is wrong and how to mend it; empty when ok. */
  hint: string;
  /** Without it no cluster starts. */
  required: boolean;
}

interface Tool {
  program: string;
  package: string;
  why: string;
  required: boolean;
}

const tools: readonly Tool[] = [
  { program: 'runc', package: 'runc', why: 'runs containers', required: true },
  { program: 'conmon', package: 'conmon', why: 'keeps logs and exit codes of containers', required: true },
  { program: 'crun', package: 'crun', why: 'for --runtime crun', required: false },
  { program: 'nsenter', package: 'util-linux', why: 'starts agents inside their nodes', required: true },
  { program: 'unshare', package: 'util-linux', why: 'makes the namespaces of nodes', required: true },
  { program: 'iptables-restore', package: 'iptables', why: 'Services', required: true },
  { program: 'conntrack', package: 'conntrack', why: 'UDP Services', required: false },
  { program: 'tar', package: 'tar', why: 'unpacks images', required: true },
  { program: 'buildah', package: 'buildah', why: 'wherry build', required: false },
];

const searchPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

function findProgram(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), ...searchPath];
  return folders.map((folder) => `${folder}/${program}`).find((path) => isExecutable(path));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const checkTool = (tool: Tool): Finding => {
  const ok = findProgram(tool.program) !== undefined;
  return {
    ok,
    what: tool.program,
    required: tool.required,
    hint: ok ? '' : `${tool.program} is missing (${tool.why}): apt-get install ${tool.package}`,
  };
};

function checkFileSystem(name: string): Finding {
  const ok = new RegExp(`\\b${name}$`, 'm').test(readFileSync('/proc/filesystems', 'utf8'));
  return { ok, what: `file system ${name}`, required: true, hint: ok ? '' : `the kernel has no ${name}: modprobe ${name}` };
}

function checkCgroups(): Finding {
  const v2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
  const v1 = existsSync('/sys/fs/cgroup/memory') && existsSync('/sys/fs/cgroup/pids');
  return {
    ok: v1 || v2,
    what: 'cgroups',
    required: true,
    hint: v1 || v2 ? '' : 'neither cgroup v2 nor v1 (memory, pids) is mounted at /sys/fs/cgroup',
  };
}

/** All findings, in the order in which a user would mend them. */
export function examineHost(): Finding[] {
  const root = process.getuid?.() === 0;
  return [
    { ok: root, what: 'root', required: true, hint: root ? '' : 'wherry makes namespaces, mounts and cgroups: run it as root' },
    ...tools.map(checkTool),
    checkFileSystem('overlay'),
    checkCgroups(),
    {
      ok: existsSync('/proc/self/ns/net'),
      what: 'network namespaces',
      required: true,
      hint: existsSync('/proc/self/ns/net') ? '' : 'the kernel has no network namespaces',
    },
  ];
}
