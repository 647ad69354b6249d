// Entry of agent/server/metrics: what Prometheus scrapes from a node, by upstream's paths and names.

export { type AgentFigures, agentMetrics } from './agent.ts';
export { cadvisorMetrics } from './cadvisor.ts';
export { ProbeMetrics } from './probes.ts';
export { RequestMetrics } from './requests.ts';
export { resourceMetrics } from './resource.ts';
export { countedCri, RuntimeMetrics } from './runtime.ts';
export { CONTENT_TYPE, sliMetrics } from './text.ts';
