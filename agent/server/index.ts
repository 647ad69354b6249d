// Entry of agent/server: the agent's HTTPS API.
export { type AgentServerOptions, createAgentServer } from './server.ts';
