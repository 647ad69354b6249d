// Configuration of the CRI service alone: one JSON file, checked field by field.
import { readFile } from 'node:fs/promises';
import type { CgroupDriverName } from '../kit/linux/index.ts';
import { checkMirrors } from './image-settings.ts';
import { parseCgroupDriver, parseRuntime, parseRuntimeHandlers, type RuntimeHandlers } from './runtime-choice.ts';

export interface CriConfig {
  /** Path of the Unix socket. */
  socket: string;
  /** Loopback address on which exec, attach and port-forward are served. */
  streamingAddress: string;
  stateDir: string;
  runDir: string;
  imagesDir: string;
  /** `runc`, `crun` or the path of an OCI runtime. */
  runtime: string;
  /** Further OCI runtimes, by the handler that a client asks for. */
  runtimeHandlers: RuntimeHandlers;
  /** Cgroup below which all is made. */
  cgroupParent: string;
  /** Who makes them: `cgroupfs` or `systemd`. */
  cgroupDriver: CgroupDriverName;
  /** Name of the pods' bridge; at most 15 bytes (IFNAMSIZ). */
  bridge: string;
  /** Addresses of the pods; the first one is the bridge's. */
  podCIDR: string;
  insecureRegistries: string[];
  /** Endpoints asked before a registry itself, by its name: `{ "docker.io": ["http://127.0.0.1:5000"] }`. */
  mirrors: Record<string, string[]>;
  /** Folder of certificates for registries, `HOST[:PORT]/ca.crt`; changes count at once. */
  registryCertsDir: string;
}

const DEFAULTS: CriConfig = {
  socket: '/run/wherry/cri.sock',
  streamingAddress: '127.0.0.1',
  stateDir: '/var/lib/wherry/cri',
  runDir: '/run/wherry/cri',
  imagesDir: '/var/lib/wherry/images',
  runtime: 'runc',
  runtimeHandlers: {},
  cgroupParent: '/wherry-cri',
  cgroupDriver: 'cgroupfs',
  bridge: 'wherry0',
  podCIDR: '10.88.0.0/16',
  insecureRegistries: [],
  mirrors: {},
  registryCertsDir: '/etc/wherry/certs.d',
};

/** Reads and checks the file. @throws Error naming the file and the field */
export async function loadCriConfig(path: string): Promise<CriConfig> {
  try {
    return parseCriConfig(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Error(`CRI configuration ${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** What is absent takes its default. @throws Error `field NAME: what is wrong` */
export function parseCriConfig(text: string): CriConfig {
  const given: unknown = JSON.parse(text);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error('must be a JSON object');
  const config: Record<string, unknown> = { ...DEFAULTS };
  for (const [field, value] of Object.entries(given)) {
    if (!(field in DEFAULTS)) throw new Error(`field ${field}: unknown; known are ${Object.keys(DEFAULTS).join(', ')}`);
    if (field === 'insecureRegistries') {
      if (!isTexts(value)) throw new Error(`field ${field}: must be a list of texts`);
    } else if (field === 'runtimeHandlers') {
      parseRuntimeHandlers(value);
    } else if (field === 'mirrors') {
      checkMirrors(value);
    } else if (typeof value !== 'string' || value === '') {
      throw new Error(`field ${field}: must be a text that is not empty, is ${JSON.stringify(value)}`);
    }
    config[field] = value;
  }
  parseCgroupDriver(config['cgroupDriver']);
  if (parseRuntime(config['runtime']).kind !== 'oci')
    throw new Error(`field runtime: must be a program, is ${JSON.stringify(config['runtime'])}`);
  return config as unknown as CriConfig;
}

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((item) => typeof item === 'string');
