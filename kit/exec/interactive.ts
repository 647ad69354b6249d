// Runs a command on this process's own terminal.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/**
 * @param env is added to this process's own
 * @returns exit code; 128 + n when signal n ended it, as shells say it
 * @throws Error when it cannot be started
 */
export function runInteractive(argv: readonly [string, ...string[]], env: Readonly<Record<string, string>> = {}): Promise<number> {
  const [file, ...args] = argv;
  return new Promise((resolve, reject) => {
    // Ctrl-C reaches the child through the terminal's process group; we only wait for what it does about it.
    const ignore = () => {};
    process.on('SIGINT', ignore);
    const child = spawn(file, args, { stdio: 'inherit', env: { ...process.env, ...env } });
    // a service manager's signal comes to this process alone
    const pass = () => child.kill('SIGTERM');
    process.on('SIGTERM', pass);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', pass);
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}
