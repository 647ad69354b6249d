// What the steps of one pod share, and leave behind for each other. All of it may be lost at any time without harm.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { Client } from '../../kit/client/index.ts';
import type { Logger } from '../../kit/run/index.ts';
import type { ContainerStatus, PodSandboxStatus } from '../cri/index.ts';
import type { PodPlace } from '../volumes/index.ts';
import type { Condemned } from './condemned.ts';
import type { Ending } from './ending.ts';
import type { FirstImage } from './first-image.ts';
import type { Holds } from './holds.ts';
import type { ClusterNames, PodFiles } from './pod-files.ts';
import type { Resizer } from './resizer.ts';
import type { SandboxSettings } from './sandbox-config.ts';
import type { StartTools } from './start-container.ts';
import type { VolumeKeeper } from './volume-keeper.ts';

/** What all pods of the node share. */
export interface StepTools extends StartTools, SandboxSettings {
  client: Client;
  log: Logger;
  cluster: ClusterNames;
}

export interface StepContext {
  readonly tools: StepTools;
  readonly uid: string;
  /** With the resources that it is given. */
  readonly pod: Pod;
  readonly place: PodPlace;
  readonly holds: Holds;
  readonly condemned: Condemned;
  /** Ids of containers whose preStop has been run before their turn to stop. */
  readonly preStopped: Set<string>;
  readonly volumes: VolumeKeeper;
  readonly resizer: Resizer;
  readonly ending: Ending;
  readonly firstImage: FirstImage;
  /** Termination messages by container id. */
  readonly messages: Map<string, string>;
  /** /etc/hosts and the like, once written. */
  files: PodFiles | undefined;
  /** Something has changed: look again. */
  wake(): void;
}

/** What one look at the runtime has shown. */
export interface Seen {
  sandboxes: PodSandboxStatus[];
  /** Newest one. */
  sandbox: PodSandboxStatus | undefined;
  containers: ContainerStatus[];
}
