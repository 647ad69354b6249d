// Entry of agent/server: the agent's HTTPS API.
export { countedCri, ProbeMetrics, RuntimeMetrics } from './metrics/index.ts';
export { type AgentServerOptions, createAgentServer } from './server.ts';
