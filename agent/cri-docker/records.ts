// What the agent must know of its containers is in their labels: all state is Docker's, so nothing is lost with the agent. Pure.
import type Docker from 'dockerode';
import type { ContainerConfig, ContainerStatus, PodSandboxConfig, PodSandboxStatus } from '../cri/index.ts';

export const LABEL = {
  kind: 'wherry.dev/kind',
  /** Who made it: one Docker may serve several nodes' agents in tests. */
  node: 'wherry.dev/node',
  podUid: 'wherry.dev/pod-uid',
  sandboxId: 'wherry.dev/sandbox-id',
  config: 'wherry.dev/config',
} as const;

export const sandboxName = ({ metadata: m }: PodSandboxConfig): string => `wherry_POD_${m.name}_${m.namespace}_${m.uid}_${m.attempt}`;

export const containerName = ({ metadata: m }: ContainerConfig, sandboxId: string): string =>
  `wherry_${m.name}_${sandboxId.slice(0, 12)}_${m.attempt}`;

export const configOf = <T>(labels: Record<string, string>): T => JSON.parse(labels[LABEL.config] ?? '{}') as T;

const ms = (time: string | undefined): number => (time && !time.startsWith('0001') ? Date.parse(time) : 0);

export function sandboxStatus(inspected: Docker.ContainerInspectInfo, address: string | undefined): PodSandboxStatus {
  const config = configOf<PodSandboxConfig>(inspected.Config.Labels);
  const isReady = inspected.State.Running;
  return {
    id: inspected.Id,
    metadata: config.metadata,
    state: isReady ? 'ready' : 'notready',
    createdAtMs: ms(inspected.Created),
    ips: isReady && address !== undefined ? [address] : [],
    labels: config.labels ?? {},
    annotations: config.annotations ?? {},
    namespaces: config.linux?.namespaces ?? {},
    runtimeHandler: config.runtimeHandler ?? '',
  };
}

export function containerStatus(inspected: Docker.ContainerInspectInfo, sandbox: PodSandboxConfig | undefined): ContainerStatus {
  const { Config, State, Id, Image } = inspected;
  const config = configOf<ContainerConfig>(Config.Labels);
  return {
    id: Id,
    sandboxId: Config.Labels[LABEL.sandboxId] ?? '',
    podUid: Config.Labels[LABEL.podUid] ?? '',
    metadata: config.metadata,
    ...stateOf(State),
    createdAtMs: ms(inspected.Created),
    image: config.image,
    imageId: Image,
    imageRef: Image,
    labels: config.labels ?? {},
    annotations: config.annotations ?? {},
    mounts: config.mounts ?? [],
    logPath: logPathOf(config, sandbox) ?? inspected.LogPath,
    pid: State.Pid,
    ...userOf(Config.User, config),
    stopSignal: (Config as { StopSignal?: string }).StopSignal ?? 'SIGTERM',
    tty: config.tty === true,
    stdin: config.stdin === true,
    resources: config.linux?.resources ?? {},
  };
}

/** Where the agent looks for the log; undefined: Docker's own place. */
export const logPathOf = ({ logPath }: ContainerConfig, sandbox: PodSandboxConfig | undefined): string | undefined =>
  logPath && sandbox?.logDirectory ? `${sandbox.logDirectory}/${logPath}` : undefined;

type Ended = Pick<ContainerStatus, 'state' | 'startedAtMs' | 'finishedAtMs' | 'exitCode' | 'reason' | 'message'>;

/** A command that could not be started leaves a container that was never started, with an error: with CRI it has ended with 128. */
function stateOf(state: Docker.ContainerInspectInfo['State']): Ended {
  const { Error: message, ExitCode: exitCode, OOMKilled } = state;
  const times = { startedAtMs: ms(state.StartedAt), finishedAtMs: ms(state.FinishedAt) };
  if (state.Status === 'created' && message !== '') return { ...times, state: 'exited', exitCode: 128, reason: 'StartError', message };
  if (state.Status === 'created') return { startedAtMs: 0, finishedAtMs: 0, state: 'created', exitCode: 0, reason: '', message: '' };
  if (state.Running) return { ...times, finishedAtMs: 0, state: 'running', exitCode: 0, reason: '', message: '' };
  const reason = OOMKilled ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error';
  return { ...times, state: 'exited', exitCode, reason, message };
}

/** Docker tells the user as it was asked for: names, and the group of a user without one, stay unknown. */
function userOf(user: string, config: ContainerConfig): Pick<ContainerStatus, 'user'> {
  if (!/^\d+:\d+$/.test(user)) return {};
  const [uid = 0, gid = 0] = user.split(':').map(Number);
  return { user: { uid, gid, supplementalGroups: [gid, ...(config.linux?.securityContext?.supplementalGroups ?? [])] } };
}
