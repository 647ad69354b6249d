// The agent's HTTPS API, as the kubelet's: health, pods, logs, exec, attach, port-forward, stats.
import { neverFails, type Service } from '../../kit/run/index.ts';

export type AgentServerOptions = Record<string, unknown>;

export function createAgentServer(_options: AgentServerOptions): Service {
  return { name: 'server', start: async () => ({ failed: neverFails, stop: async () => {} }) };
}
