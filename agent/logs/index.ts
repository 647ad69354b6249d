// Entry of agent/logs: containers' log files on the node.
export { containerLogLinks } from './links.ts';
export { logRotation } from './rotation.ts';
