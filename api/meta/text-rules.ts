// Rules for texts: DNS names, label keys and values, port names. Each returns what is wrong, in the words that clients know; empty: fine.

const bytes = (text: string): number => Buffer.byteLength(text);

const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`);

/** `msg (e.g. 'a',  or 'b', regex used for validation is '...')`, two blanks included. */
export function regexHint(message: string, pattern: string, ...examples: string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`;
  return `${message} (e.g. ${examples.map((example) => `'${example}', `).join(' or ')}regex used for validation is '${pattern}')`;
}

const maxCharacters = (length: number): string => `must be no more than ${length} characters`;
const maxBytes = (length: number): string => `must be no more than ${length} bytes`;
const emptyText = 'must be non-empty';
export const inclusiveRange = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;
export const negativeText = 'must be greater than or equal to 0';

const labelPattern = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const labelText =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const labelRule = whole(labelPattern);

const subdomainPattern = `${labelPattern}(\\.${labelPattern})*`;
const subdomainText =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const subdomainRule = whole(subdomainPattern);

export function dns1123Label(value: string): string[] {
  const wrong: string[] = [];
  if (bytes(value) > 63) wrong.push(maxCharacters(63));
  if (!labelRule.test(value)) {
    wrong.push(subdomainRule.test(value) ? 'must not contain dots' : regexHint(labelText, labelPattern, 'my-name', '123-abc'));
  }
  return wrong;
}

function subdomain(value: string, tooLong: string): string[] {
  const wrong: string[] = [];
  if (bytes(value) > 253) wrong.push(tooLong);
  if (!subdomainRule.test(value)) wrong.push(regexHint(subdomainText, subdomainPattern, 'example.com'));
  return wrong;
}

export const dns1123Subdomain = (value: string): string[] => subdomain(value, maxCharacters(253));

const dns1035Pattern = '[a-z]([-a-z0-9]*[a-z0-9])?';
const dns1035Rule = whole(dns1035Pattern);
const dns1035Text =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";

export function dns1035Label(value: string): string[] {
  const wrong: string[] = [];
  if (bytes(value) > 63) wrong.push(maxCharacters(63));
  if (!dns1035Rule.test(value)) wrong.push(regexHint(dns1035Text, dns1035Pattern, 'my-name', 'abc-123'));
  return wrong;
}

const wildcardPattern = `\\*\\.${subdomainPattern}`;
const wildcardRule = whole(wildcardPattern);
const wildcardText =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";

export function wildcardSubdomain(value: string): string[] {
  const wrong: string[] = [];
  if (bytes(value) > 253) wrong.push(maxCharacters(253));
  if (!wildcardRule.test(value)) wrong.push(regexHint(wildcardText, wildcardPattern, '*.example.com'));
  return wrong;
}

export function pathSegment(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return pathSegmentPrefix(value);
}

export const pathSegmentPrefix = (value: string): string[] =>
  ['/', '%'].filter((char) => value.includes(char)).map((char) => `may not contain '${char}'`);

const keyPattern = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const keyRule = whole(keyPattern);
const keyText = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const keyHint = regexHint(keyText, keyPattern, 'MyName', 'my.name', '123-abc');

/** Keys of labels and annotations, finalizers, condition types: `[prefix/]name`. */
export function qualifiedName(value: string): string[] {
  const parts = value.split('/');
  if (parts.length > 2) return [`a valid label key ${keyHint} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const wrong: string[] = [];
  if (parts.length === 2) {
    if (parts[0] === '') wrong.push(`prefix part ${emptyText}`);
    else wrong.push(...subdomain(parts[0]!, maxBytes(253)).map((text) => `prefix part ${text}`));
  }
  const name = parts.at(-1)!;
  if (name === '') wrong.push(`name part ${emptyText}`);
  else if (bytes(name) > 63) wrong.push(`name part ${maxBytes(63)}`);
  if (!keyRule.test(name)) wrong.push(`name part ${keyHint}`);
  return wrong;
}

const valuePattern = `(${keyPattern})?`;
const valueRule = whole(valuePattern);
const valueText =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

export function labelValue(value: string): string[] {
  const wrong: string[] = [];
  if (bytes(value) > 63) wrong.push(maxBytes(63));
  if (!valueRule.test(value)) wrong.push(regexHint(valueText, valuePattern, 'MyValue', 'my_value', '12345'));
  return wrong;
}

export function portName(value: string): string[] {
  const wrong: string[] = [];
  if (bytes(value) > 15) wrong.push(maxCharacters(15));
  if (!/^[-a-z0-9]+$/.test(value)) wrong.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) wrong.push('must contain at least one letter (a-z)');
  if (value.includes('--')) wrong.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) wrong.push('must not begin or end with a hyphen');
  return wrong;
}

export const portNumber = (value: unknown): string[] =>
  typeof value === 'number' && value >= 1 && value <= 65535 ? [] : [inclusiveRange(1, 65535)];

export const percent = (value: string): string[] =>
  /^[0-9]+%$/.test(value)
    ? []
    : [regexHint("a valid percent string must be a numeric string followed by an ending '%'", '[0-9]+%', '1%', '93%')];

function parentDirectory(value: string): string[] {
  if (value === '.') return ["must not be '.'"];
  if (value === '..') return ["must not be '..'"];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}

/** Keys of ConfigMaps and Secrets. */
export function configMapKey(value: string): string[] {
  const wrong: string[] = [];
  if (bytes(value) > 253) wrong.push(maxCharacters(253));
  if (!/^[-._a-zA-Z0-9]+$/.test(value)) {
    wrong.push(
      regexHint(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        '[-._a-zA-Z0-9]+',
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  }
  return [...wrong, ...parentDirectory(value)];
}

export function relaxedEnvVarName(value: string): string[] {
  const wrong: string[] = [];
  if (value === '') wrong.push(`environment variable name ${emptyText}`);
  if (!/^[ -<>-~]*$/.test(value)) {
    wrong.push("a valid environment variable name must consist only of printable ASCII characters other than '='");
  }
  return wrong;
}

export const httpHeaderName = (value: string): string[] =>
  /^[-A-Za-z0-9]+$/.test(value)
    ? []
    : [regexHint("a valid HTTP header must consist of alphanumeric characters or '-'", '[-A-Za-z0-9]+', 'X-Header-Name')];
