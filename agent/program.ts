// How a program of the agent begins and ends: it has one argument, a signal stops it, a failure is logged and makes the exit code.
import { createLogger, type Logger } from '../kit/run/index.ts';

export async function runProgram(
  name: string,
  usage: string,
  run: (argument: string, signal: AbortSignal, log: Logger) => Promise<void>,
): Promise<never> {
  const argument = process.argv[2];
  if (argument === '--warm') process.exit(0); // scripts/build: everything is loaded, the compile cache is written on exit
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  const log = createLogger(name);
  try {
    if (!argument) throw new Error(`usage: ${usage}`);
    await run(argument, stop.signal, log);
  } catch (error) {
    if (!stop.signal.aborted) {
      log.fatal({ err: error }, `${name} failed`);
      process.exitCode = 1;
    }
  }
  // Timers and sockets of libraries must not keep a stopped program alive.
  process.exit();
}
