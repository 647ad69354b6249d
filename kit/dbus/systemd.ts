// systemd's units over D-Bus (org.freedesktop.systemd1(5)): made for a time, given properties, stopped. Over the system's bus, or where there is
// none over the socket on which systemd itself answers root, as runc does.
import { existsSync } from 'node:fs';
import { systemClock } from '../run/index.ts';
import { type Call, DbusConnection, DbusError } from './connection.ts';
import type { Message } from './message.ts';
import type { Value, Variant } from './wire.ts';

export type UnitProperty = readonly [name: string, value: Variant];

const SYSTEM_BUS = '/run/dbus/system_bus_socket';
const PRIVATE_SOCKET = '/run/systemd/private';
const MANAGER = {
  destination: 'org.freedesktop.systemd1',
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
};
const RECONNECT_MS = 1_000;
const PROPERTIES = 'org.freedesktop.DBus.Properties';
const ERROR = 'org.freedesktop.systemd1.';

/** Whether systemd is the first process of this machine (sd_booted(3)). */
export const isSystemdBooted = (): boolean => existsSync('/run/systemd/system');

export class Systemd {
  #connection: Promise<DbusConnection> | undefined;

  /** The one that is open, or a new one: the bus may have been started anew. */
  async #open(): Promise<DbusConnection> {
    const mine = (this.#connection ??= connect());
    const open = await mine.catch(() => undefined);
    if (open && !open.isClosed) return open;
    if (this.#connection === mine) this.#connection = undefined;
    return open ? await this.#open() : await mine;
  }

  async #call(member: string, signature: string, body: readonly Value[]): Promise<readonly Value[]> {
    return await (await this.#open()).call({ ...MANAGER, member, signature, body });
  }

  async version(): Promise<string> {
    const call: Call = { ...MANAGER, interface: PROPERTIES, member: 'Get', signature: 'ss', body: [MANAGER.interface, 'Version'] };
    const [version] = await (await this.#open()).call(call);
    return String((version as Variant)[1]);
  }

  /** Makes a unit that lasts until it is stopped, or the machine is; false: it was there. @throws Error when it does not start */
  async start(unit: string, properties: readonly UnitProperty[]): Promise<boolean> {
    try {
      await this.#job('StartTransientUnit', 'ssa(sv)a(sa(sv))', [unit, 'replace', properties, []]);
      return true;
    } catch (error) {
      if (isDbusError(error, 'UnitExists')) return false;
      throw error;
    }
  }

  /** Until the machine's end, and through a reload of systemd's configuration. Returns when they are in the kernel; of a unit that ended at once. */
  async setProperties(unit: string, properties: readonly UnitProperty[]): Promise<void> {
    if (properties.length === 0) return;
    await ifThere(this.#call('SetUnitProperties', 'sba(sv)', [unit, true, properties]));
    await this.version(); // systemd answers first and writes control groups before it takes the next call
  }

  /**
   * Calls `listener` each time that systemd has read its configuration anew: from its units it has written all control groups again. Also when
   * the connection was lost, for then it may have. Until `signal` aborts; `onError`: of attempts to connect.
   */
  async followReloads(listener: () => void, signal: AbortSignal, onError: (error: unknown) => void): Promise<void> {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      try {
        const connection = await this.#open();
        const off = connection.onSignal(({ member, body }) => {
          if (member === 'Reloading' && body[0] === false) listener();
        });
        if (!isFirst) listener();
        await connection.untilClosed(signal);
        off();
      } catch (error) {
        onError(error);
      }
      await systemClock.sleep(RECONNECT_MS, signal).catch(() => {});
    }
  }

  /** Forgets a unit, killing what is in it. Idempotent. */
  async stop(unit: string): Promise<void> {
    await ifThere(this.#job('StopUnit', 'ss', [unit, 'replace']));
    await ifThere(this.#call('ResetFailedUnit', 's', [unit]));
  }

  /** A slice, but nothing that came into it this very moment. Idempotent. */
  async stopAlone(slice: string): Promise<void> {
    await ifThere(this.#job('StopUnit', 'ss', [slice, 'ignore-requirements']));
  }

  /** @throws Error unless the job that the call makes ends well */
  async #job(member: string, signature: string, body: readonly Value[]): Promise<void> {
    const connection = await this.#open();
    const results = new Map<string, string>();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    let job: string | undefined;
    // the end may be told before the answer was read
    const off = connection.onSignal((signal: Message) => {
      if (signal.member !== 'JobRemoved') return;
      const [, path, , result] = signal.body as [number, string, string, string];
      results.set(path, result);
      if (path === job) resolve();
    });
    try {
      job = (await connection.call({ ...MANAGER, member, signature, body }))[0] as string;
      if (!results.has(job)) await connection.within(ended, `the end of ${member} ${String(body[0])}`);
      const result = results.get(job);
      if (result !== 'done' && result !== 'skipped') throw new Error(`systemd: ${member} of ${String(body[0])}: ${result}`);
    } finally {
      off();
    }
  }
}

async function connect(): Promise<DbusConnection> {
  const connection = await DbusConnection.open(SYSTEM_BUS, { isBus: true }).catch(() =>
    DbusConnection.open(PRIVATE_SOCKET, { isBus: false }),
  );
  for (const member of ['JobRemoved', 'Reloading'])
    await connection.match(`type='signal',interface='${MANAGER.interface}',member='${member}'`);
  await connection.call({ ...MANAGER, member: 'Subscribe' });
  return connection;
}

const isDbusError = (error: unknown, name: string): boolean => error instanceof DbusError && error.code === `${ERROR}${name}`;

async function ifThere(asked: Promise<unknown>): Promise<void> {
  await asked.catch((error: unknown) => {
    if (!isDbusError(error, 'NoSuchUnit')) throw error;
  });
}

let shared: Systemd | undefined;
/** Connected when first asked. */
export const systemd = (): Systemd => (shared ??= new Systemd());
