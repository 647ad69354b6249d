// Whether this machine's kernel enforces AppArmor profiles.
import { readFileSync } from 'node:fs';

export function hasAppArmor(): boolean {
  try {
    return readFileSync('/sys/module/apparmor/parameters/enabled', 'utf8').startsWith('Y');
  } catch {
    return false;
  }
}
