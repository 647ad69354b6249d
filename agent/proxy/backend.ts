// What a proxy backend does: make the kernel follow a plan. Drivers: iptables-backend.ts, nftables-backend.ts; one contract suite for all.
import type { Plan } from './plan.ts';

export interface Backend {
  /** Makes the kernel's rules follow the plan, whatever was there; writes only what differs from the last call. */
  apply(plan: Plan): Promise<void>;
  /** Forgets what it knows of the kernel when somebody else removed rules; true when it did. The next apply writes all. */
  lostRules(): Promise<boolean>;
  /** Removes everything that it made, also what an earlier process made. */
  cleanup(): Promise<void>;
}
