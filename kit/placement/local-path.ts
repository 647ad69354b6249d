// The built-in storage class: folders of the nodes, made and removed by their agents. What control plane and agents agree upon.
import type { PersistentVolume } from '../../api/gen/types/core.v1.ts';

export const LOCAL_PATH = 'wherry.io/local-path';
/** On a Node: the folder below which its agent makes volumes. */
export const LOCAL_PATH_FOLDER = 'wherry.io/local-path-folder';
/** On a volume: whose folder it is; that agent may read it and hold it. */
export const LOCAL_PATH_NODE = 'wherry.io/local-path-node';
/** Held by the agent from the making of the folder to its removal. */
export const LOCAL_PATH_FINALIZER = 'wherry.io/local-path';

export const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';

/** The node that holds the volume's folder; undefined: it is none of ours. */
export const localPathNode = ({ metadata }: PersistentVolume): string | undefined =>
  metadata.annotations?.[PROVISIONED_BY] === LOCAL_PATH ? metadata.labels?.[LOCAL_PATH_NODE] : undefined;
