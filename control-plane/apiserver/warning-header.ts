// Warnings as one header: quoted, of bytes that a header may have, and no longer than clients take.

/** Upstream's bounds: beyond the first all texts are cut to the second, and what then is too much is left out. */
const TOTAL_MAX = 4096;
const CUT_TO = 256;

/** Undefined when there is nothing to say. */
export function warningHeader(warnings: readonly string[]): string | undefined {
  if (warnings.length === 0) return undefined;
  let texts = [...new Set(warnings.map(printable))];
  const length = (all: readonly string[]) => all.reduce((sum, text) => sum + text.length, 0);
  if (length(texts) > TOTAL_MAX) texts = [...new Set(texts.map((text) => Array.from(text).slice(0, CUT_TO).join('')))];
  while (length(texts) > TOTAL_MAX) texts.pop();
  return texts.map((text) => `299 - "${latin1(text.replaceAll('\\', '\\\\').replaceAll('"', '\\"'))}"`).join(', ');
}

/** Without control characters and halves of characters. */
const printable = (text: string): string => text.toWellFormed().replace(/\p{Cc}/gu, '');

/** Headers are bytes: a character each of what Node writes is a byte of UTF-8. */
const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
