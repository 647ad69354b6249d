// What a configuration's `runtime`, `runtimeHandlers` and `cgroupDriver` mean. Pure.
import { isAbsolute } from 'node:path';
import type { CgroupDriverName } from '../kit/linux/index.ts';
import type { RuntimeProgram } from './runtime/index.ts';

export type RuntimeChoice =
  /** Our own service with this program below it. */
  | { kind: 'oci'; program: RuntimeProgram }
  /** Another CRI v1 runtime's socket. */
  | { kind: 'cri'; socket: string }
  /** Docker Engine's socket. */
  | { kind: 'docker'; socket: string };

export type RuntimeHandlers = Record<string, RuntimeProgram>;

const EXPECTED = "must be runc, crun, the path of an OCI runtime, unix:///PATH of a CRI socket or docker:///PATH of Docker's";

/** @throws Error what was expected */
export function parseRuntime(text: unknown): RuntimeChoice {
  const fail = () => new Error(`field runtime: ${EXPECTED}, is ${JSON.stringify(text)}`);
  if (typeof text !== 'string') throw fail();
  if (text === 'runc' || text === 'crun' || /^\/[^\0]*[^/\0]$/.test(text)) return { kind: 'oci', program: { path: text } };
  const [, scheme, socket = ''] = /^(unix|docker):\/\/(\/.+)$/.exec(text) ?? [];
  if (scheme === undefined) throw fail();
  return { kind: scheme === 'unix' ? 'cri' : 'docker', socket };
}

/** @throws Error what was expected */
export function parseCgroupDriver(text: unknown): CgroupDriverName {
  if (text === 'cgroupfs' || text === 'systemd') return text;
  throw new Error(`field cgroupDriver: must be cgroupfs or systemd, is ${JSON.stringify(text)}`);
}

/** @throws Error naming the handler. Handlers are names as RuntimeClass allows them (RFC 1123 labels). */
export function parseRuntimeHandlers(given: unknown): RuntimeHandlers {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new Error('field runtimeHandlers: must map names of handlers to { path, args }');
  const handlers: RuntimeHandlers = {};
  for (const [name, handler] of Object.entries(given)) {
    if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
      throw new Error(`field runtimeHandlers: ${JSON.stringify(name)} is not a DNS label`);
    const { path, args = [] } = (handler ?? {}) as { path?: unknown; args?: unknown };
    const isProgram = typeof path === 'string' && (isAbsolute(path) || path === 'runc' || path === 'crun');
    if (!isProgram)
      throw new Error(`field runtimeHandlers: ${name}: path must be runc, crun or an absolute path, is ${JSON.stringify(path)}`);
    if (!Array.isArray(args) || !args.every((arg) => typeof arg === 'string'))
      throw new Error(`field runtimeHandlers: ${name}: args must be a list of texts`);
    handlers[name] = { path, args };
  }
  return handlers;
}
