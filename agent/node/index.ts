// Entry of agent/node: what this node is to the cluster.
export { allocatableOf, type Capacity, KUBELET_VERSION, readCapacity, systemInfo } from './capacity.ts';
export { nodeEvents } from './events.ts';
export { heartbeat } from './heartbeat.ts';
export { type NodeFacts, runtimeFacts } from './node-object.ts';
export { registerNode } from './register.ts';
export { registration } from './remembered.ts';
export { podRoutes } from './routes.ts';
