// Joins this terminal to a command in a container.
import { finished } from 'node:stream/promises';
import type { NodeSession } from '../rig/index.ts';

/** Until the command has ended; its exit code. The terminal is as before, whatever happens. */
export async function runSession(session: NodeSession, tty: boolean): Promise<number> {
  const { stdin, stdout, stderr } = process;
  const resize = () => session.resize(stdout.columns, stdout.rows);
  if (tty) {
    stdin.setRawMode(true);
    stdout.on('resize', resize);
  } else {
    process.once('SIGINT', () => session.close());
  }
  try {
    if (session.stdin) stdin.pipe(session.stdin);
    session.stdout?.pipe(stdout, { end: false });
    session.stderr?.pipe(stderr, { end: false });
    const code = await session.exit;
    // What the command wrote last may still be on its way.
    await Promise.all([session.stdout, session.stderr].map((stream) => stream && finished(stream, { writable: false }).catch(() => {})));
    return code;
  } finally {
    stdout.off('resize', resize);
    if (tty) stdin.setRawMode(false);
    stdin.unpipe();
    stdin.destroy();
  }
}
