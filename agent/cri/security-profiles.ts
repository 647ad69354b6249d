// Seccomp and AppArmor of a container: what the client asks for, as the runtime's configuration has it.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type OciSeccomp, parseSeccompProfile } from '../runtime/index.ts';
import { type CriContext, messageOf } from './context.ts';
import { CriError, type LinuxSecurityContext } from './cri.ts';

/** Undefined: unconfined, as whoever asks for nothing or is privileged. @throws CriError when the profile's file is missing or wrong */
export function seccompOf(context: CriContext, { seccomp, privileged }: LinuxSecurityContext): 'default' | OciSeccomp | undefined {
  if (!seccomp || privileged || seccomp.type === 'Unconfined') return undefined;
  if (seccomp.type === 'RuntimeDefault') return 'default';
  const path = resolve(context.seccompFolder, seccomp.localhostRef ?? '');
  try {
    return parseSeccompProfile(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new CriError('CreateContainerError', `cannot load seccomp profile "${path}": ${messageOf(error)}`, error);
  }
}

/** The profile of containers that want the default one; applied where the machine's administrator has loaded it. */
const DEFAULT_PROFILE = 'wherry-default';
const LOADED = '/sys/kernel/security/apparmor/profiles';

/** Undefined: unconfined. Who asks for nothing gets the default one too. @throws CriError where a profile is named that the kernel does not have */
export function apparmorOf({ apparmor = { type: 'RuntimeDefault' }, privileged }: LinuxSecurityContext): string | undefined {
  if (privileged || apparmor.type === 'Unconfined') return undefined;
  const isThere = existsSync(LOADED);
  const isLoaded = (name: string) =>
    isThere &&
    readFileSync(LOADED, 'utf8')
      .split('\n')
      .some((line) => line.startsWith(`${name} (`));
  if (apparmor.type === 'RuntimeDefault') return isLoaded(DEFAULT_PROFILE) ? DEFAULT_PROFILE : undefined;
  if (!isThere) throw new CriError('CreateContainerError', 'apparmor is not supported');
  const profile = apparmor.localhostRef ?? '';
  if (!isLoaded(profile)) throw new CriError('CreateContainerError', `apparmor profile not found ${profile}`);
  return profile;
}
