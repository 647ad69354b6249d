// Seccomp: the default profile (an allow list that depends on the container's capabilities), and profiles from files. Pure.
import { ALLOWED, ALLOWED_WITH } from './seccomp-calls.ts';

interface Argument {
  index: number;
  value: number;
  valueTwo?: number;
  op: 'SCMP_CMP_EQ' | 'SCMP_CMP_NE' | 'SCMP_CMP_MASKED_EQ';
}

interface Rule {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: Argument[];
}

/** linux.seccomp of OCI's config.json. */
export interface OciSeccomp {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[];
  syscalls?: Rule[];
}

const EPERM = 1;
const ENOSYS = 38;
/** A namespace of one's own is the administrator's to make: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const CLONE_NAMESPACES = 0x7e02_0000;
/** Sockets to the hypervisor know no network namespace. */
const AF_VSOCK = 40;
/** PER_LINUX and PER_LINUX32, each with and without UNAME26; 0xffffffff asks what it is. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

const ARCHITECTURES: Record<string, string[]> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

/** RuntimeDefault for a process with these capabilities (with CAP_). */
export function defaultSeccomp(capabilities: readonly string[], architecture: string = process.arch): OciSeccomp {
  const own = capabilities.map((name) => name.replace(/^CAP_/, ''));
  const byCapability = own.flatMap((name) => ALLOWED_WITH[name] ?? []);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures: ARCHITECTURES[architecture] ?? [],
    syscalls: [
      allow([...new Set([...ALLOWED, ...architectureCalls(architecture), ...byCapability])].toSorted()),
      allow(['socket'], { index: 0, value: AF_VSOCK, op: 'SCMP_CMP_NE' }),
      ...PERSONALITIES.map((value) => allow(['personality'], { index: 0, value, op: 'SCMP_CMP_EQ' })),
      ...(own.includes('SYS_ADMIN') ? [] : CLONE_WITHOUT_NAMESPACES),
    ],
  };
}

const allow = (names: string[], ...args: Argument[]): Rule => ({ names, action: 'SCMP_ACT_ALLOW', ...(args.length > 0 ? { args } : {}) });

const architectureCalls = (architecture: string): string[] => (architecture === 'x64' ? ['arch_prctl', 'modify_ldt'] : []);

/** clone3's flags are behind a pointer where no filter can look; ENOSYS makes C libraries fall back to clone. */
const CLONE_WITHOUT_NAMESPACES: readonly Rule[] = [
  allow(['clone'], { index: 0, value: CLONE_NAMESPACES, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }),
  { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
];

/** A profile file, as OCI's specification has it. @throws Error saying what is wrong with it */
export function parseSeccompProfile(text: string): OciSeccomp {
  const profile: unknown = JSON.parse(text);
  if (!isObject(profile)) throw new Error('must be a JSON object');
  const { defaultAction, syscalls = [] } = profile;
  if (!isAction(defaultAction)) throw new Error(`defaultAction: must be a SCMP_ACT_ action, is ${JSON.stringify(defaultAction)}`);
  if (!Array.isArray(syscalls)) throw new Error('syscalls: must be a list');
  for (const [index, rule] of syscalls.entries()) {
    if (!isObject(rule) || !isTexts(rule['names'])) throw new Error(`syscalls[${index}].names: must be a list of names`);
    if (!isAction(rule['action'])) throw new Error(`syscalls[${index}].action: must be a SCMP_ACT_ action`);
  }
  return profile as unknown as OciSeccomp;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isAction = (value: unknown): boolean => typeof value === 'string' && value.startsWith('SCMP_ACT_');
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === 'string');
