// Device nodes of the host, as a runtime's configuration names them.
import { lstatSync, readdirSync, statSync } from 'node:fs';
import type { OciDevice } from '../runtime/index.ts';

/** The host's device at `hostPath`, for a container's `path`. @throws Error where there is none */
export function deviceAt(hostPath: string, path: string): OciDevice {
  const stat = statSync(hostPath);
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) throw new Error(`${hostPath} is not a device`);
  return {
    path,
    type: stat.isBlockDevice() ? 'b' : 'c',
    major: majorOf(stat.rdev),
    minor: minorOf(stat.rdev),
    fileMode: stat.mode & 0o777,
    uid: stat.uid,
    gid: stat.gid,
  };
}

const majorOf = (device: number): number => (device >> 8) & 0xfff;
const minorOf = (device: number): number => (device & 0xff) | ((device >> 12) & 0xfff00);

/** For privileged containers: all of the host's device nodes, except what the runtime makes itself. */
export function hostDevices(): { device: OciDevice; permissions: string }[] {
  const made = new Set([
    '/dev/pts',
    '/dev/shm',
    '/dev/fd',
    '/dev/mqueue',
    '/dev/console',
    '/dev/ptmx',
    '/dev/null',
    '/dev/zero',
    '/dev/full',
    '/dev/random',
    '/dev/urandom',
    '/dev/tty',
  ]);
  const out: { device: OciDevice; permissions: string }[] = [];
  const walk = (folder: string) => {
    for (const name of readdirSync(folder)) {
      const path = `${folder}/${name}`;
      if (made.has(path)) continue;
      const stat = lstatSync(path);
      if (stat.isDirectory()) walk(path);
      else if (stat.isCharacterDevice() || stat.isBlockDevice()) out.push({ device: deviceAt(path, path), permissions: 'rwm' });
    }
  };
  walk('/dev');
  return out;
}
