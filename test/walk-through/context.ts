// What the steps of the walk-through work with: kubectl, the nodes, a folder for files, and ways to expect something.
import { spawn } from 'node:child_process';
import { waitFor } from '../../kit/run/index.ts';

export interface Walker {
  kubectl(args: readonly string[], options?: { input?: string; timeoutMs?: number }): Promise<string>;
  tryKubectl(
    args: readonly string[],
    options?: { input?: string; timeoutMs?: number },
  ): Promise<{ stdout: string; stderr: string; exitCode: number }>;
  onNode(node: string, argv: readonly string[]): Promise<string>;
  nodes: readonly { name: string; ip: string }[];
  kubeconfig: string;
  /** Folder for the files of this walk. */
  dir: string;
  /** Shows a line to the user. */
  say(text: string): void;
}

export interface Step {
  title: string;
  run(w: Walker): Promise<void>;
}

/** @throws Error `expected WHAT, got: TEXT` */
export function expectThat(holds: boolean, what: string, got: string): void {
  if (!holds) throw new Error(`expected ${what}, got: ${got}`);
}

/** Runs kubectl, shows the command and its output, and expects the output to match. */
export async function show(w: Walker, command: string, pattern?: RegExp, input?: string): Promise<string> {
  w.say(`$ kubectl ${command}`);
  const output = await w.kubectl(words(command), input === undefined ? {} : { input });
  if (output.trim() !== '') w.say(output.trimEnd());
  if (pattern) expectThat(pattern.test(output), `${pattern} from kubectl ${command}`, output);
  return output;
}

/** Repeats a kubectl command until its output matches. */
export function until(w: Walker, command: string, pattern: RegExp, timeoutMs = 30_000): Promise<string> {
  return waitFor({ what: `${pattern} from kubectl ${command}`, timeoutMs, everyMs: 100 }, async () => {
    const output = await w.kubectl(words(command));
    if (!pattern.test(output)) throw new Error(output);
    return output;
  });
}

/** Words of a command line; single quotes keep spaces. */
export function words(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
}

/** A kubectl that runs on while other steps are made: its output so far, and a stop. */
export function background(w: Walker, argv: readonly string[]): { output(): string; stop(): Promise<void> } {
  const child = spawn('kubectl', argv, { env: { ...process.env, KUBECONFIG: w.kubeconfig }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  child.stderr.on('data', (chunk) => (text += chunk));
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    output: () => text,
    async stop() {
      child.kill('SIGTERM');
      await closed;
    },
  };
}
