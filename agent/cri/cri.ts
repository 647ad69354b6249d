// The container runtime interface as agents call it in-process: CRI v1 in TypeScript, as small as pods need it.
import type { Duplex, Readable, Writable } from 'node:stream';
import type { CgroupDriverName, CgroupMetrics, Pressures, UserIds } from '../../kit/linux/index.ts';
import type { PodAccount, PullCredential, PullSecret, RegistryAuth } from '../images/index.ts';
import type { SpecResources } from '../runtime/index.ts';

export type { PodAccount, PullCredential, PullSecret, RegistryAuth, UserIds };

/** Every operation is safe to repeat; an unknown id is an error only where CRI says so (status, start, exec), never for stop and remove. */
export interface Cri {
  /** Pins namespaces, attaches the network; returns the sandbox id. The same (namespace, name, uid, attempt) again returns the same id. */
  runPodSandbox(config: PodSandboxConfig): Promise<string>;
  /** Kills the sandbox's containers, detaches the network. Idempotent; an unknown id succeeds. */
  stopPodSandbox(id: string): Promise<void>;
  /** Stops when needed and removes everything, containers too. Idempotent. */
  removePodSandbox(id: string): Promise<void>;
  podSandboxStatus(id: string): Promise<PodSandboxStatus>;
  listPodSandbox(filter?: SandboxFilter): Promise<PodSandboxStatus[]>;
  /** Limits of the whole pod, into its cgroup. */
  updatePodSandboxResources(id: string, resources: LinuxResources): Promise<void>;

  /** Resolves image and user, prepares the root file system, lets the runtime create the (not yet started) process. Returns the container id. */
  createContainer(sandboxId: string, config: ContainerConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Sends `signal` (default: the image's STOPSIGNAL, else SIGTERM), SIGKILL after `timeoutMs`; 0 kills at once. Resolves when it is dead. Idempotent. */
  stopContainer(id: string, timeoutMs: number, signal?: string): Promise<void>;
  /** Kills when needed; keeps the log file. Idempotent. */
  removeContainer(id: string): Promise<void>;
  containerStatus(id: string): Promise<ContainerStatus>;
  listContainers(filter?: ContainerFilter): Promise<ContainerStatus[]>;
  updateContainerResources(id: string, resources: LinuxResources): Promise<void>;

  /** Runs to the end; on `timeoutMs` kills the process and rejects with CriError `DeadlineExceeded`. Output is cut at `outputBytesMax` (default 16 MiB). */
  execSync(id: string, command: readonly string[], timeoutMs: number, outputBytesMax?: number): Promise<ExecResult>;
  /** Starts a command with live streams. Rejects with CriError `RunContainerError` when the command cannot be started. */
  exec(id: string, command: readonly string[], options: StreamOptions): Promise<Session>;
  /** Joins the streams of the container's main process. */
  attach(id: string, options: StreamOptions): Promise<Session>;
  /** After the log file was renamed: the next line goes to a new file at logPath. */
  reopenContainerLog(id: string): Promise<void>;
  /** A connection to a port on the sandbox's own loopback (port-forward). @throws Error whose `code` may say why, e.g. ECONNREFUSED */
  openPort(sandboxId: string, port: number): Promise<Duplex>;

  containerStats(id: string): Promise<ContainerStats>;
  listContainerStats(): Promise<ContainerStats[]>;
  podSandboxStats(id: string): Promise<PodSandboxStats>;
  /** Only of runtimes whose containers' cgroups this process sees. */
  containerDetails?(id: string): Promise<ContainerDetails>;

  /** Pulls when absent or always, as the caller decided; concurrent pulls of one image are one pull. Returns the image id. @throws CriError ErrImagePull, InvalidImageName, RegistryUnavailable */
  pullImage(ref: string, auth?: RegistryAuth): Promise<string>;
  /** By name (normalised as Docker does), id or digest; undefined when absent. */
  imageStatus(ref: string): Promise<Image | undefined>;
  listImages(): Promise<Image[]>;
  removeImage(ref: string): Promise<void>;
  /** Imports a docker-archive or OCI archive (`wherry load`); returns the names it brought. */
  loadImage(tarPath: string): Promise<string[]>;
  /** Disk use of the images, and of the containers' writable layers. */
  imageFsInfo(): Promise<{ images: FsUsage; containers: FsUsage }>;

  /** Starts (created, started, exited, removed) of containers from now on. Ends when `signal` aborts. Slow readers lose nothing but see at most 10,000 queued. */
  events(signal: AbortSignal): AsyncIterable<CriEvent>;
  version(): Promise<{ runtimeName: string; runtimeVersion: string }>;
  /** What this runtime can do, and how it is set up. */
  status(): Promise<RuntimeStatus>;
  /** The whole record, for people who look for a fault; undefined when there is none. */
  inspectPodSandbox(id: string): Promise<object | undefined>;
  inspectContainer(id: string): Promise<object | undefined>;
  /** Stops watching; containers go on. */
  close(): Promise<void>;
}

export interface RuntimeStatus {
  /** The first one, without a name, is the default. */
  handlers: { name: string; recursiveReadOnlyMounts: boolean; userNamespaces: boolean }[];
  features: { supplementalGroupsPolicy: boolean };
  cgroupDriver: CgroupDriverName;
  info: object;
}

export interface FsUsage {
  path: string;
  usedBytes: number;
  inodesUsed: number;
}

export interface CriEvent {
  readonly type: 'created' | 'started' | 'exited' | 'removed';
  readonly containerId: string;
  readonly sandboxId: string;
}

export interface PodSandboxConfig {
  metadata: { name: string; namespace: string; uid: string; attempt: number };
  /** Ignored with the host's network. */
  hostname: string;
  /** Folder that relative log paths of containers start from; made here. '': containers keep their logs beside their records. */
  logDirectory: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** Of a RuntimeClass; absent: the default. */
  runtimeHandler?: string;
  /** Makes /etc/resolv.conf of containers that bring none of their own. */
  dns?: { servers: string[]; searches: string[]; options: string[] };
  /** Ports of the node that lead to the pod; for those with a hostPort, ignored with the host's network. */
  portMappings?: { containerPort: number; hostPort: number; protocol: 'TCP' | 'UDP' | 'SCTP'; hostIp?: string }[];
  linux?: {
    /** Below the node's own, e.g. `kubepods/burstable/pod<uid>`; or a slice of systemd's. */
    cgroupParent?: string;
    /** Limits of the whole pod, applied to that cgroup. */
    resources?: LinuxResources;
    sysctls?: Record<string, string>;
    namespaces?: NamespaceOptions;
    /** A container of the pod will be privileged: its /sys is to be for writing. */
    privileged?: boolean;
  };
}

/** `pod` is the default of network, ipc, uts; `container` of pid. */
export interface NamespaceOptions {
  network?: 'pod' | 'node';
  pid?: 'pod' | 'container' | 'node';
  ipc?: 'pod' | 'node';
  /** The pod's users are these of the machine; absent: the machine's own. Not with a namespace of the node. */
  user?: UserIds;
}

export interface PodSandboxStatus {
  id: string;
  metadata: PodSandboxConfig['metadata'];
  state: 'ready' | 'notready';
  /** Milliseconds since the epoch. */
  createdAtMs: number;
  /** Pod addresses, first the primary one; empty with the host's network. */
  ips: string[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  namespaces: NamespaceOptions;
  /** '' is the default. */
  runtimeHandler: string;
}

export interface SandboxFilter {
  id?: string;
  state?: 'ready' | 'notready';
  podUid?: string;
  labels?: Record<string, string>;
}

export interface ContainerConfig {
  metadata: { name: string; attempt: number };
  /** As the pod names it; or an image id from pullImage. */
  image: string;
  /** Replaces the image's ENTRYPOINT (and drops its CMD). */
  command?: string[];
  /** Replaces the image's CMD. */
  args?: string[];
  workingDir?: string;
  /** Added over the image's; later entries win. */
  env?: { key: string; value: string }[];
  mounts?: Mount[];
  devices?: { containerPath: string; hostPath: string; permissions: string }[];
  /** Names of CDI devices, `vendor.com/class=name`: for runtimes that read their specifications. */
  cdiDevices?: string[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** Relative to the sandbox's logDirectory, e.g. `web/0.log`. */
  logPath?: string;
  stdin?: boolean;
  /** Close stdin after the first attached client leaves. */
  stdinOnce?: boolean;
  tty?: boolean;
  /** Overrides the image's STOPSIGNAL, e.g. `SIGUSR1`. */
  stopSignal?: string;
  linux?: { resources?: LinuxResources; securityContext?: LinuxSecurityContext };
}

export interface Mount {
  /** '' with an image. */
  hostPath: string;
  /** A volume that is an image, pulled before: read-only. */
  image?: string;
  /** A folder or file of the image; absent: all of it. */
  imageSubPath?: string;
  containerPath: string;
  readonly?: boolean;
  /** Mounts below it are read-only too. */
  recursiveReadOnly?: boolean;
  /** Default private. */
  propagation?: 'private' | 'host-to-container' | 'bidirectional';
  /** Files belong to these users where the disk has the pod's: the sandbox's own, or none. */
  owners?: UserIds;
}

export interface LinuxResources extends SpecResources {
  /** Applied as far as this process may (lowering needs CAP_SYS_RESOURCE). */
  oomScoreAdj?: number;
}

export interface LinuxSecurityContext {
  privileged?: boolean;
  /** Names without CAP_; ALL allowed in both. */
  capabilities?: { add?: string[]; drop?: string[] };
  readonlyRootfs?: boolean;
  /** Number wins over username; a name is looked up in the image's /etc/passwd. Absent: the image's USER. */
  runAsUser?: number;
  runAsUsername?: string;
  runAsGroup?: number;
  supplementalGroups?: number[];
  /** Merge (default): the groups that the image's /etc/group gives the user count too. */
  supplementalGroupsPolicy?: 'Merge' | 'Strict';
  /** Id of a container of the same sandbox whose processes this one is to see (kubectl debug --target). */
  pidTarget?: string;
  noNewPrivs?: boolean;
  /** Absent: unconfined. Ignored for privileged containers, as AppArmor is. */
  seccomp?: SecurityProfile;
  /** Absent: as RuntimeDefault. `localhostRef` names a profile that the kernel has loaded. */
  apparmor?: SecurityProfile;
  /** Absent: the usual list; empty: none (procMount Unmasked). */
  maskedPaths?: string[];
  readonlyPaths?: string[];
}

export interface SecurityProfile {
  type: 'RuntimeDefault' | 'Unconfined' | 'Localhost';
  /** Path of the profile's file: absolute, or below the folder given to createCri. */
  localhostRef?: string;
}

export interface ContainerStatus {
  id: string;
  sandboxId: string;
  podUid: string;
  metadata: ContainerConfig['metadata'];
  /** `unknown`: the record is there, the process was lost without a trace (counts as exited with 255 after recovery). */
  state: 'created' | 'running' | 'exited' | 'unknown';
  createdAtMs: number;
  /** 0 until then. */
  startedAtMs: number;
  finishedAtMs: number;
  exitCode: number;
  /** '' | Completed | Error | OOMKilled | ContainerStatusUnknown | StartError */
  reason: string;
  message: string;
  /** The name asked for. */
  image: string;
  /** The image id (config digest). */
  imageId: string;
  /** What kubelet shows as imageID: name@digest when known, else the id. */
  imageRef: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Those that are images with what the image was when the container was created. */
  mounts: (Mount & { imageId?: string })[];
  /** Absolute. */
  logPath: string;
  pid: number;
  /** Numeric identity the process was given. Absent: the runtime does not tell. */
  user?: { uid: number; gid: number; supplementalGroups: number[] };
  stopSignal: string;
  tty: boolean;
  stdin: boolean;
  resources: LinuxResources;
}

export interface ContainerFilter {
  id?: string;
  sandboxId?: string;
  state?: ContainerStatus['state'];
  labels?: Record<string, string>;
}

export interface ExecResult {
  stdout: Buffer;
  stderr: Buffer;
  exitCode: number;
}

export interface StreamOptions {
  stdin?: boolean;
  stdout?: boolean;
  stderr?: boolean;
  /** With a terminal stderr is part of stdout. */
  tty?: boolean;
  /** First terminal size. */
  width?: number;
  height?: number;
}

/** A running exec or attach. */
export interface Session {
  /** End it to half-close. */
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  resize(width: number, height: number): void;
  /** Exit code once the command ended (exec) or the container did (attach); -1 when unknown. */
  readonly exit: Promise<number>;
  /** The client went away: end the process's stdin and drop the streams (exec: the process gets SIGKILL). */
  close(): void;
}

export interface ContainerStats {
  id: string;
  sandboxId: string;
  name: string;
  attempt: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  timestampMs: number;
  cpuUsageNanos: number;
  memoryUsageBytes: number;
  memoryWorkingSetBytes: number;
  memoryRssBytes: number;
  pids: number;
  /** Bytes of the writable layer. */
  rootfsUsedBytes: number;
  rootfsInodesUsed: number;
  /** Where the kernel counts it, and the runtime tells. */
  pressure?: Pressures;
}

export interface NetworkStats {
  name: string;
  rxBytes: number;
  txBytes: number;
  rxErrors: number;
  txErrors: number;
  rxPackets?: number;
  txPackets?: number;
  rxDropped?: number;
  txDropped?: number;
}

export interface PodSandboxStats {
  id: string;
  timestampMs: number;
  cpuUsageNanos: number;
  memoryUsageBytes: number;
  memoryWorkingSetBytes: number;
  pids: number;
  network?: NetworkStats;
  pressure?: Pressures;
  containers: ContainerStats[];
}

/** What metrics tell beyond ContainerStats. */
export interface ContainerDetails extends CgroupMetrics {
  startedAtMs: number;
  threads: number;
  fileDescriptors: number;
  sockets: number;
  /** Of the first process. */
  openFilesSoftLimit: number;
  /** The disk that the writable layer is on. */
  fileSystem: { bytes: number; inodes: number; inodesFree: number };
}

export interface Image {
  /** `sha256:<config digest>` */
  id: string;
  /** Normalised: `docker.io/library/nginx:1.27`. */
  repoTags: string[];
  repoDigests: string[];
  sizeBytes: number;
  /** Never collected, e.g. the runtime's own. */
  pinned?: boolean;
  /** The image's USER as a number, or its name. */
  uid?: number;
  username?: string;
  env: string[];
  entrypoint: string[];
  cmd: string[];
  workingDir: string;
  stopSignal: string;
  exposedPorts: string[];
  volumes: string[];
  labels: Record<string, string>;
}

export type CriReason =
  | 'CreateContainerConfigError'
  | 'CreateContainerError'
  | 'RunContainerError'
  | 'ErrImagePull'
  | 'ErrImageNeverPull'
  | 'ImageNotFound'
  | 'InvalidImageName'
  | 'RegistryUnavailable'
  | 'NotFound'
  | 'DeadlineExceeded'
  | 'InvalidArgument'
  | 'FailedPrecondition'
  | 'FailedCreatePodSandBox'
  | 'KillPodSandboxError'
  | 'Unknown';

/** Carries the reason that a pod's status shows; the message is the runtime's. */
export class CriError extends Error {
  readonly reason: CriReason;
  constructor(reason: CriReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CriError';
    this.reason = reason;
  }
}

export const isCriError = (error: unknown, reason?: CriReason): error is CriError =>
  error instanceof CriError && (reason === undefined || error.reason === reason);
