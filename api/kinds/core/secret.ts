// The Secret kind.
import { configMapKey, invalidValue, type KubeObject, type Problem, required, scanJson, tooLong } from '../../meta/index.ts';
import { ageColumn, integer, nameColumn, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { immutable, texts } from '../rules.ts';
import { base64Bytes, immutableData, MAX_DATA_BYTES } from './configmap.ts';

const ACCOUNT = 'kubernetes.io/service-account.name';

/** Keys that a type must have; `json` ones must hold a JSON object. */
const keysOf: Readonly<Record<string, { all?: readonly string[]; json?: string; any?: readonly string[]; filled?: string }>> = {
  'kubernetes.io/dockercfg': { json: '.dockercfg' },
  'kubernetes.io/dockerconfigjson': { json: '.dockerconfigjson' },
  'kubernetes.io/basic-auth': { any: ['username', 'password'] },
  'kubernetes.io/ssh-auth': { filled: 'ssh-privatekey' },
  'kubernetes.io/tls': { all: ['tls.crt', 'tls.key'] },
};

const at = (key: string): string => `data[${key}]`;

function validateType({ type, data = {}, metadata }: KubeObject): Problem[] {
  if (type === 'kubernetes.io/service-account-token') {
    return metadata.annotations?.[ACCOUNT] ? [] : [required(`metadata.annotations[${ACCOUNT}]`)];
  }
  const { all = [], any = [], json, filled } = keysOf[type] ?? {};
  if (json !== undefined) return json in data ? validateJson(json, data[json]) : [required(at(json))];
  if (filled !== undefined && !data[filled]) return [required(at(filled))];
  if (any.length && !any.some((key) => Object.hasOwn(data, key))) return any.map((key) => required(at(key)));
  return all.filter((key) => !Object.hasOwn(data, key)).map((key) => required(at(key)));
}

function validateJson(key: string, base64: string): Problem[] {
  const wrong = (why: string): Problem[] => [invalidValue(at(key), '<secret contents redacted>', why)];
  try {
    const { value } = scanJson(Buffer.from(base64, 'base64').toString());
    if (value === null || (typeof value === 'object' && !Array.isArray(value))) return [];
    const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    return wrong(`json: cannot unmarshal ${found} into Go value of type map[string]interface {}`);
  } catch (error) {
    return wrong((error as Error).message);
  }
}

/** A pair that is no PEM at all; what is inside of the PEM is not looked at. */
function tlsWarnings(data: Record<string, string>): string[] {
  for (const [key, what] of [
    ['tls.crt', 'certificate'],
    ['tls.key', 'key'],
  ] as const) {
    if (
      !Buffer.from(data[key] ?? '', 'base64')
        .toString()
        .includes('-----BEGIN ')
    )
      return [`tls: failed to find any PEM data in ${what} input`];
  }
  return [];
}

export const secret: Behaviour = {
  defaults(object) {
    object['type'] ||= 'Opaque';
    const plain = object['stringData'] as Record<string, string> | undefined;
    if (!plain) return;
    const data = { ...object['data'] };
    for (const [key, value] of Object.entries(plain)) data[key] = Buffer.from(value).toString('base64');
    object['data'] = data;
    delete object['stringData'];
  },
  prepareForUpdate(object, old) {
    object['type'] ||= old['type'];
  },
  validate(object, old) {
    const data = (object['data'] ?? {}) as Record<string, string>;
    const problems = Object.keys(data).flatMap((key) => texts(at(key), key, configMapKey(key)));
    const size = Object.values(data).reduce((sum, value) => sum + base64Bytes(value), 0);
    if (size > MAX_DATA_BYTES) problems.push(tooLong('data', MAX_DATA_BYTES));
    // What may not change is told first.
    const kept = old ? [...immutable('type', object['type'], old['type']), ...immutableData(object, old, ['data'])] : [];
    return [...kept, ...problems, ...validateType(object)];
  },
  warnings: (object) => (object['type'] === 'kubernetes.io/tls' ? tlsWarnings(object['data'] ?? {}) : []),
  fieldSelectors: { type: (object) => object['type'] ?? '' },
  columns: [
    nameColumn,
    string('Type', (object) => object['type'] ?? ''),
    { ...integer('Data', (object) => Object.keys(object['data'] ?? {}).length), type: 'string' },
    ageColumn,
  ],
};
