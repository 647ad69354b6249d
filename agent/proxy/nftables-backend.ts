// Backend nftables: one nft transaction per change, with only what changed.
import { tryRun } from '../../kit/exec/index.ts';
import type { Backend } from './backend.ts';
import { nftScript } from './nft-script.ts';
import { type NftRuleset, renderNft, TABLE } from './nftables.ts';
import type { Plan } from './plan.ts';

/** For all rules of many thousand Services at once. */
const SCRIPT_TIMEOUT_MS = 300_000;

export class NftablesBackend implements Backend {
  /** What the kernel has, as far as we know; undefined: all is written anew. */
  #applied: NftRuleset | undefined;
  readonly #command: readonly [string, ...string[]];

  /** `netns`: file of another network namespace than this process's. */
  constructor(options: { netns?: string } = {}) {
    this.#command = options.netns === undefined ? ['nft'] : ['nsenter', `--net=${options.netns}`, 'nft'];
  }

  async apply(plan: Plan): Promise<void> {
    const wanted = renderNft(plan);
    const script = nftScript(wanted, this.#applied);
    this.#applied = undefined; // after a failure we do not know
    if (script) {
      const { failure } = await this.#nft(['-f', '-'], script);
      if (failure) throw failure;
    }
    this.#applied = wanted;
  }

  async lostRules(): Promise<boolean> {
    if (!this.#applied) return true;
    const { failure, stdout } = await this.#nft(['list', 'chain', 'ip', TABLE, 'services']);
    if (!failure && stdout.includes('vmap')) return false;
    this.#applied = undefined;
    return true;
  }

  async cleanup(): Promise<void> {
    this.#applied = undefined;
    const { failure } = await this.#nft(['-f', '-'], `add table ip ${TABLE}\ndelete table ip ${TABLE}\n`);
    if (failure) throw failure;
  }

  #nft(args: readonly string[], input?: string): ReturnType<typeof tryRun> {
    const [file, ...before] = this.#command;
    return tryRun(file, [...before, ...args], input === undefined ? {} : { input, timeoutMs: SCRIPT_TIMEOUT_MS });
  }
}
