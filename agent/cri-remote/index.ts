// Entry of agent/cri-remote: the agent on somebody else's CRI v1 runtime.
export { Connection } from './connection.ts';
export { createRemoteCri, type RemoteCriOptions } from './create-remote-cri.ts';
export { remoteImages } from './images.ts';
export { exec } from './sessions.ts';
