// $(VAR) in commands, arguments and environment values, as Kubernetes reads it.

/** `$(NAME)` becomes its value when `lookup` knows it, else stays as written; `$$` becomes `$`, so `$$(NAME)` is never expanded. */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '$' || i + 1 >= text.length) {
      out += text[i];
      continue;
    }
    const next = text[i + 1];
    const end = next === '(' ? text.indexOf(')', i + 2) : -1;
    if (next === '(' && end >= 0) {
      const name = text.slice(i + 2, end);
      out += lookup(name) ?? `$(${name})`;
      i = end;
    } else {
      // `$$` and an unclosed `$(` lose nothing but the escape; any other `$x` stays.
      out += next === '$' ? '$' : `$${next}`;
      i++;
    }
  }
  return out;
}
