// The one logger: pino, one JSON line an event on stderr. Loaded lazily by its few callers through here.
import { type Logger, pino } from 'pino';

export type { Logger };

/** `level` from WHERRY_LOG (trace, debug, info, warn, error, silent), default info. */
export function createLogger(name: string): Logger {
  return pino({ name, level: process.env['WHERRY_LOG'] ?? 'info', base: { name } }, pino.destination({ dest: 2, sync: true }));
}

export const silentLogger: Logger = pino({ level: 'silent' });
