// Backend iptables: one iptables-restore per change, with only the chains that changed.
import { type RunResult, tryRun } from '../../kit/exec/index.ts';
import type { Backend } from './backend.ts';
import { type Ruleset, renderRules } from './iptables.ts';
import type { Plan } from './plan.ts';
import { cleanupInput, parseSaved, restoreInput } from './restore.ts';

/** Seconds to wait for another user of the iptables lock. */
const WAIT = ['-w', '5'];
/** iptables over nf_tables needs more than a second for each thousand Services when all is written at once. */
const RESTORE_TIMEOUT_MS = 300_000;

export class IptablesBackend implements Backend {
  /** What the kernel has, as far as we know; undefined: ask it. */
  #applied: Ruleset | undefined;
  readonly #enter: readonly string[];

  /** `netns`: file of another network namespace than this process's. */
  constructor(options: { netns?: string } = {}) {
    this.#enter = options.netns === undefined ? [] : ['nsenter', `--net=${options.netns}`];
  }

  async apply(plan: Plan): Promise<void> {
    const wanted = renderRules(plan);
    const present = this.#applied ? undefined : parseSaved((await this.#run('iptables-save')).stdout);
    const input = restoreInput(wanted, this.#applied, present);
    this.#applied = undefined; // after a failure we do not know
    if (input) await this.#run('iptables-restore', [...WAIT, '--noflush'], input);
    this.#applied = wanted;
  }

  async lostRules(): Promise<boolean> {
    if (!this.#applied) return true;
    // The last jump that is put in: whoever flushes a table takes it too.
    const checks = [
      ['-t', 'nat', '-S', 'KUBE-POSTROUTING'],
      ['-t', 'filter', '-S', 'KUBE-FORWARD'],
    ];
    for (const check of checks) {
      const { failure, stdout } = await this.#try('iptables', [...WAIT, ...check]);
      if (!failure && stdout.split('\n').length > 2) continue;
      this.#applied = undefined;
      return true;
    }
    return false;
  }

  async cleanup(): Promise<void> {
    this.#applied = undefined;
    const input = cleanupInput(parseSaved((await this.#run('iptables-save')).stdout));
    if (input) await this.#run('iptables-restore', [...WAIT, '--noflush'], input);
  }

  async #run(program: string, args: readonly string[] = [], input?: string): Promise<RunResult> {
    const result = await this.#try(program, args, input);
    if (result.failure) throw result.failure;
    return result;
  }

  #try(program: string, args: readonly string[], input?: string): ReturnType<typeof tryRun> {
    const [file, ...rest] = [...this.#enter, program, ...args];
    return tryRun(file!, rest, input === undefined ? {} : { input, timeoutMs: RESTORE_TIMEOUT_MS });
  }
}
