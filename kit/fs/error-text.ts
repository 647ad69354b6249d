// What the kernel said of a file, as programs in Go word it: that is what pods' events show on every other node.

/** `mkdir /proc/x: no such file or directory` instead of `ENOENT: no such file or directory, mkdir '/proc/x'`. */
export function fileErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, syscall, path } = error as NodeJS.ErrnoException;
  const [, why] = /^E[A-Z0-9]+: (.*?), \w+/.exec(message) ?? [];
  return why === undefined || syscall === undefined ? message : `${syscall}${path === undefined ? '' : ` ${path}`}: ${why}`;
}
