// Entry of agent/server: the agent's HTTPS API.
export { readLines } from './log-file.ts';
export { LogWriter } from './log-lines.ts';
export { countedCri, ProbeMetrics, RuntimeMetrics } from './metrics/index.ts';
export { type AgentServerOptions, createAgentServer } from './server.ts';
