// Reads the documentation of Kubernetes' fields from the declarations of a published package: the repository itself has none.

import type { Description } from '../../api/wire/index.ts';

/** `io.k8s.api.core.v1.Pod` and `io.k8s.kube-aggregator…` as the package writes them: IoK8sApiCoreV1Pod. */
export const mangled = (definition: string): string =>
  definition
    .split(/[.-]/)
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1))
    .join('');

const COMMENT = /^ *\/\*\*\n((?: *\*(?!\/).*\n)*) *\*\/\n/;
const PROPERTY = /^ {4}(?:"([^"]+)"|(\w+))\??: (.*)$/;

/** The text of a documentation comment, as it was before it became one. */
const textOf = (body: string): string =>
  body
    .replace(/\n$/, '')
    .split('\n')
    .map((line) =>
      line
        .replace(/^ *\* ?/, '')
        .replaceAll('\\*', '*')
        .replaceAll('*\\/', '*/'),
    )
    .join('\n');

/** Upstream lists the values in the text of each field that has such a list; other literal types are no lists. */
function valuesOf(text: string, type: string): string[] | undefined {
  if (!text.includes('Possible enum values:')) return undefined;
  const values = [...type.matchAll(/"([^"]*)"/g)].map(([, value]) => value!);
  return values.length > 0 ? values : undefined;
}

/** One declaration file: the description, and the mangled name of its definition. Undefined when it declares none. */
export function describe(source: string): { name: string; description: Description } | undefined {
  const name = /\bas I(IoK8s\w+)/.exec(source)?.[1];
  const start = source.search(/(?: *\/\*\*\n(?: *\*.*\n)*)?export (?:interface|type) I\w+/);
  if (name === undefined || start < 0) return undefined;
  const description: Description = {};
  let rest = source.slice(start);
  let text: string | undefined;
  for (let inside = false; rest.length > 0; ) {
    const comment = COMMENT.exec(rest);
    if (comment) {
      text = textOf(comment[1]!);
      rest = rest.slice(comment[0].length);
      continue;
    }
    const end = rest.indexOf('\n') + 1 || rest.length;
    const line = rest.slice(0, end).trimEnd();
    rest = rest.slice(end);
    if (!inside) {
      if (text !== undefined) description.text = text;
      if (line.startsWith('export type') || line.endsWith('{}')) break;
      inside = true;
    } else if (line === '}') break;
    else property(description, line, text);
    text = undefined;
  }
  return { name, description };
}

function property(description: Description, line: string, text: string | undefined): void {
  const [, quoted, plain, type = ''] = PROPERTY.exec(line) ?? [];
  const key = quoted ?? plain;
  if (key === undefined || text === undefined) return;
  (description.fields ??= {})[key] = text;
  const values = valuesOf(text, type);
  if (values) (description.enums ??= {})[key] = values;
}
