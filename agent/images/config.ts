// What an image's configuration says, in one shape. Docker's and OCI's JSON are alike.

export interface ImageConfig {
  env: string[];
  entrypoint: string[];
  cmd: string[];
  /** As written: `user`, `uid`, `user:group`. */
  user: string;
  workingDir: string;
  stopSignal: string;
  volumes: string[];
  exposedPorts: string[];
  labels: Record<string, string>;
}

/** One image as recorded: it is there when this record is, and then all its layers are too. */
export interface ImageRecord {
  /** `sha256:<digest of the configuration>` */
  id: string;
  /** Unpacked layers by diff id, the lowest first. */
  layers: string[];
  sizeBytes: number;
  config: ImageConfig;
  createdAtMs: number;
  /** Garbage collection leaves it: it came with wherry and no registry has it. */
  pinned?: boolean;
}

interface RawConfig {
  config?: {
    Env?: string[] | null;
    Entrypoint?: string[] | null;
    Cmd?: string[] | null;
    User?: string;
    WorkingDir?: string;
    StopSignal?: string;
    Volumes?: Record<string, unknown> | null;
    ExposedPorts?: Record<string, unknown> | null;
    Labels?: Record<string, string> | null;
  } | null;
  rootfs?: { diff_ids?: string[] };
}

/** @throws Error when it is no image configuration */
export function parseImageConfig(text: string): { config: ImageConfig; diffIds: string[] } {
  const raw = JSON.parse(text) as RawConfig;
  const diffIds = raw.rootfs?.diff_ids;
  if (!Array.isArray(diffIds) || !diffIds.every((id) => /^sha256:[0-9a-f]{64}$/.test(id)))
    throw new Error('image configuration has no rootfs.diff_ids');
  const c = raw.config ?? {};
  return {
    diffIds,
    config: {
      env: c.Env ?? [],
      entrypoint: c.Entrypoint ?? [],
      cmd: c.Cmd ?? [],
      user: c.User ?? '',
      workingDir: c.WorkingDir ?? '',
      stopSignal: c.StopSignal ?? '',
      volumes: Object.keys(c.Volumes ?? {}),
      exposedPorts: Object.keys(c.ExposedPorts ?? {}),
      labels: c.Labels ?? {},
    },
  };
}
