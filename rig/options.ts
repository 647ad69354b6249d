// What a user may ask of a cluster, checked before anything is made. Errors name the option, the value and what was expected.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseCgroupDriver, parseRuntime, parseRuntimeHandlers } from '../agent/runtime-choice.ts';
import { addressIn, cidrProblem, nodeName, rangesOverlap } from './addresses.ts';
import type { ClusterOptions, ClusterRecord } from './record.ts';

export interface UpOptions extends Partial<ClusterOptions> {
  /** Default `wherry`. */
  name?: string;
  /** Port on 127.0.0.1; default a free one. */
  port?: number;
  /** Image archives (docker-archive or OCI) that the nodes get. */
  image?: readonly string[];
  /** How long the cluster may take to become ready; default two minutes. */
  timeoutMs?: number;
}

const defaults: ClusterOptions = { nodes: 1, serviceCIDR: '10.0.0.0/16', podCIDR: '10.244.0.0/16', runtime: 'runc' };

/** A cluster's name becomes part of paths, cgroups and host names: RFC 1123 label of at most 32 characters. */
export function checkName(name: string): void {
  if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) {
    throw new Error(
      `name ${JSON.stringify(name)}: expected 1 to 32 characters, lower-case letters, digits and '-', starting and ending with a letter or digit`,
    );
  }
}

const FILES = {
  auditPolicy: '--audit-policy',
  encryptionConfig: '--encryption-config',
  tracingConfig: '--tracing-config',
  authenticationConfig: '--authentication-config',
  tokenFile: '--token-file',
} as const;

/** Files that the control plane will read, by their absolute paths. @throws Error for one that is not there */
function filesOf(asked: UpOptions, had: ClusterOptions | undefined): Partial<Record<keyof typeof FILES, string>> {
  const files: Partial<Record<keyof typeof FILES, string>> = {};
  for (const key of Object.keys(FILES) as (keyof typeof FILES)[]) {
    const path = asked[key] ?? had?.[key];
    if (path === undefined) continue;
    files[key] = resolve(path);
    if (!existsSync(files[key])) throw new Error(`${FILES[key]} ${path}: there is no such file`);
  }
  return files;
}

type Registries = Pick<ClusterOptions, 'mirrors' | 'insecureRegistries' | 'registryCertsDir'>;

/** @throws Error for a folder that is not there */
function registriesOf(asked: UpOptions, had: ClusterOptions | undefined): Registries {
  const [mirrors, insecureRegistries] = [asked.mirrors ?? had?.mirrors, asked.insecureRegistries ?? had?.insecureRegistries];
  const certs = asked.registryCertsDir ?? had?.registryCertsDir;
  if (certs !== undefined && !existsSync(certs)) throw new Error(`--registry-certs ${certs}: there is no such folder`);
  return {
    ...(mirrors ? { mirrors } : {}),
    ...(insecureRegistries ? { insecureRegistries } : {}),
    ...(certs === undefined ? {} : { registryCertsDir: resolve(certs) }),
  };
}

/** The options in force: what is asked now, what an existing cluster was made with, the defaults. @throws Error for what cannot be */
export function resolveOptions(asked: UpOptions, existing: ClusterRecord | undefined): ClusterOptions {
  const had = existing?.options;
  const pick = <K extends keyof ClusterOptions>(key: K): ClusterOptions[K] =>
    (asked[key] ?? had?.[key] ?? defaults[key]) as ClusterOptions[K];
  const cgroupDriver = asked.cgroupDriver ?? had?.cgroupDriver;
  const options: ClusterOptions = {
    nodes: pick('nodes'),
    serviceCIDR: pick('serviceCIDR'),
    podCIDR: pick('podCIDR'),
    runtime: pick('runtime'),
    ...(asked.nodeRuntimes || had?.nodeRuntimes ? { nodeRuntimes: { ...had?.nodeRuntimes, ...asked.nodeRuntimes } } : {}),
    ...(asked.runtimeHandlers || had?.runtimeHandlers ? { runtimeHandlers: { ...had?.runtimeHandlers, ...asked.runtimeHandlers } } : {}),
    ...(cgroupDriver === undefined ? {} : { cgroupDriver }),
    ...registriesOf(asked, had),
    ...filesOf(asked, had),
  };
  checkRuntimes(options);
  const problems = [cidrProblem('--service-cidr', options.serviceCIDR, 12, 24), cidrProblem('--pod-cidr', options.podCIDR, 8, 23)];
  const problem = problems.find((p) => p !== undefined);
  if (problem) throw new Error(problem);
  if (rangesOverlap(options.serviceCIDR, options.podCIDR))
    throw new Error(`--service-cidr ${options.serviceCIDR} overlaps --pod-cidr ${options.podCIDR}`);
  const room = 2 ** (24 - Number(options.podCIDR.split('/')[1]));
  if (options.nodes > room) throw new Error(`--pod-cidr ${options.podCIDR} has room for ${room} nodes, asked for ${options.nodes}`);
  if (had) {
    const [before, after] = [lasting(had), lasting(options)];
    for (const key of Object.keys(after) as (keyof typeof after)[]) {
      if (before[key] !== after[key])
        throw new Error(
          `cluster ${existing?.name} has ${key} ${before[key]}, it cannot become ${after[key]}: wherry down --name ${existing?.name} first`,
        );
    }
    if (options.nodes < had.nodes)
      throw new Error(`cluster ${existing?.name} has ${had.nodes} nodes, it cannot shrink to ${options.nodes}`);
  }
  return options;
}

/** @throws Error for a runtime that cannot be, or a node that is not there */
function checkRuntimes({ nodes, runtime, nodeRuntimes = {}, runtimeHandlers = {}, ...options }: ClusterOptions): void {
  parseCgroupDriver(cgroupDriverOf(options));
  for (const text of [runtime, ...Object.values(nodeRuntimes)]) parseRuntime(text);
  parseRuntimeHandlers(runtimeHandlers);
  const names = Array.from({ length: nodes }, (_, index) => nodeName(index));
  for (const name of Object.keys(nodeRuntimes))
    if (!names.includes(name)) throw new Error(`--node-runtime ${name}: the cluster's nodes are ${names.join(', ')}`);
}

/** crun needs a host whose mount namespace does not show hybrid cgroups' second half. */
export const usesCrun = (options: ClusterOptions, node: string): boolean =>
  [runtimeOf(options, node), ...Object.values(options.runtimeHandlers ?? {}).map(({ path }) => path)].some((path) =>
    /(^|\/)crun$/.test(path),
  );

export const cgroupDriverOf = ({ cgroupDriver = 'cgroupfs' }: Pick<ClusterOptions, 'cgroupDriver'>) => cgroupDriver;

/** What a cluster keeps for life. */
const lasting = (options: ClusterOptions) => ({
  serviceCIDR: options.serviceCIDR,
  podCIDR: options.podCIDR,
  runtime: options.runtime,
  cgroupDriver: cgroupDriverOf(options),
});

export const runtimeOf = ({ runtime, nodeRuntimes = {} }: ClusterOptions, node: string): string => nodeRuntimes[node] ?? runtime;

/** The tenth address of the service range, as kubeadm chooses it. */
export const dnsAddress = (serviceCIDR: string): string => addressIn(serviceCIDR, 10);
