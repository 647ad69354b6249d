// Entry of control-plane/apiserver/audit: the audit log by policy. Without a configuration nothing of it is in a request's way.
import { readFileSync } from 'node:fs';
import type { Clock, Logger } from '../../../kit/run/index.ts';
import { AuditLogFile, type LogFileOptions } from './log-file.ts';
import { parsePolicy } from './policy.ts';
import { type AuditStages, auditStages } from './stage.ts';

export { type AuditStages, auditIdOf } from './stage.ts';

/** `audit` of the control plane's configuration. */
export interface AuditConfig extends LogFileOptions {
  /** audit.k8s.io/v1 Policy, YAML or JSON. */
  policyFile: string;
}

export interface Audit extends AuditStages {
  readonly events: ReadonlyMap<string, number>;
  readonly file: AuditLogFile;
  close(): Promise<void>;
}

/** @throws Error that names the file and what is wrong with it */
export function openAudit(config: AuditConfig, clock: Clock, log: Logger): Audit {
  const where = `audit policy ${config.policyFile}`;
  if (!config.path) throw new Error(`${where}: audit.path is missing, the file that the events are written to`);
  let text: string;
  try {
    text = readFileSync(config.policyFile, 'utf8');
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`);
  }
  const file = new AuditLogFile(config, clock, log);
  const events = new Map<string, number>();
  try {
    const policy = parsePolicy(text);
    const onEvent = (level: string) => void events.set(level, (events.get(level) ?? 0) + 1);
    return { ...auditStages({ policy, file, clock, onEvent }), events, file, close: () => file.close() };
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`);
  }
}
