// What a user gives beside options: the command of somebody else's after `--`, and Ctrl-C.

/** Without the `--` that may stand before it, as kubectl, docker and crictl take it. @throws Error when nothing follows */
export function afterDashes(command: readonly string[]): string[] {
  const own = command[0] === '--' ? command.slice(1) : [...command];
  if (own.length === 0) throw new Error('a command is missing after --');
  return own;
}

/** By Ctrl-C: exit code 130, as shells say it. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interrupted';
  }
}
