// Runs a command on this process's own terminal.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Exit code; 128 + n when signal n ended it, as shells say it. @throws Error when it cannot be started */
export function runInteractive(argv: readonly [string, ...string[]]): Promise<number> {
  const [file, ...args] = argv;
  return new Promise((resolve, reject) => {
    // Ctrl-C reaches the child through the terminal's process group; we only wait for what it does about it.
    const ignore = () => {};
    process.on('SIGINT', ignore);
    const child = spawn(file, args, { stdio: 'inherit' });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', ignore);
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}
