// Files of environment variables, by the node's strict reading of them: NAME='value', the value in single quotes and over as many lines
// as it likes; comments and empty lines beside. Pure.

const LINE = /^[ \t]*(?<name>[^\s=#][^\s=]*)=(?:'(?<quoted>[^']*)'[ \t]*(?:#.*)?|[ \t].*)$/;
const EMPTY = /^[ \t]*(?:#.*)?$/;

/**
 * The value of `key`; '' where it is not there, or is set to nothing. Lines after it are not looked at.
 * @throws Error for a line of any other form before it
 */
export function envFileValue(text: string, key: string): string {
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const first = at + 1;
    let line = lines[at] ?? '';
    if (EMPTY.test(line)) continue;
    if (/^[^=]*='[^']*$/.test(line))
      while (++at < lines.length) {
        line += `\n${lines[at]}`;
        if (lines[at]?.includes("'")) break;
      }
    const found = LINE.exec(line)?.groups;
    if (!found) throw new Error(`line ${first} is not of the form NAME='value'`);
    if (found['name'] === key) return found['quoted'] ?? '';
  }
  return '';
}
