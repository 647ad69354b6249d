// Kernel settings under /proc/sys, of this or another network namespace. /proc/sys/net follows the thread that opens it,
// so the write is synchronous inside the namespace.
import { readFileSync, writeFileSync } from 'node:fs';
import { inNetns } from './namespaces.ts';

/** `net.ipv4.ip_forward` -> its file. A name with a slash is taken to be separated by slashes (links with dots in their names). */
const fileOf = (name: string): string => `/proc/sys/${name.includes('/') ? name : name.replaceAll('.', '/')}`;

export function writeSysctl(name: string, value: string | number, netns?: string | number): void {
  const write = () => writeFileSync(fileOf(name), `${value}\n`);
  if (netns === undefined) write();
  else inNetns(netns, write);
}

export function readSysctl(name: string, netns?: string | number): string {
  const read = () => readFileSync(fileOf(name), 'utf8').trim();
  return netns === undefined ? read() : inNetns(netns, read);
}
