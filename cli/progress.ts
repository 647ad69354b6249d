// Progress on stderr: one line a step, rewritten in place on a terminal.
import type { Progress } from '../rig/index.ts';

export function terminalProgress(stream: NodeJS.WriteStream): Progress {
  const tty = stream.isTTY === true;
  return {
    async step(name, work) {
      const started = performance.now();
      if (tty) stream.write(`  … ${name}`);
      try {
        const result = await work();
        stream.write(`${tty ? '\r' : ''}  ✓ ${name} (${Math.round(performance.now() - started)} ms)\n`);
        return result;
      } catch (error) {
        stream.write(`${tty ? '\r' : ''}  ✗ ${name}\n`);
        throw error;
      }
    },
  };
}
