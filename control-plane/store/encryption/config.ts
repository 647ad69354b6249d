// EncryptionConfiguration (apiserver.config.k8s.io/v1): which resources are encrypted with what. Pure: a file's text in, transformers out.
import { parse } from 'yaml';
import { aesCbc, aesGcm, identity, type Provider, secretbox } from './providers.ts';

/** The first provider writes, all read. */
export interface Encrypted {
  /** `secrets`, `deployments.apps`, `*.apps`, `*.` (the core group) or `*.*`. */
  readonly resources: readonly string[];
  readonly providers: readonly Provider[];
}

const KEY_BYTES: Readonly<Record<string, readonly number[]>> = { aescbc: [16, 24, 32], aesgcm: [16, 24, 32], secretbox: [32] };
const MAKE = { aescbc: aesCbc, aesgcm: aesGcm, secretbox } as const;

type Document = Record<string, unknown>;

const isObject = (value: unknown): value is Document => typeof value === 'object' && value !== null && !Array.isArray(value);

/** YAML or JSON. @throws Error that names the field; never shows a key */
export function parseEncryption(text: string): Encrypted[] {
  let document: unknown;
  try {
    document = parse(text);
  } catch {
    throw new Error('it is no YAML'); // the parser's own words would show what it read
  }
  if (!isObject(document) || document['apiVersion'] !== 'apiserver.config.k8s.io/v1' || document['kind'] !== 'EncryptionConfiguration')
    throw new Error('expected apiVersion: apiserver.config.k8s.io/v1 and kind: EncryptionConfiguration');
  const list = document['resources'];
  if (!Array.isArray(list) || list.length === 0) throw new Error('resources: at least one entry is required');
  return list.map((entry, i) => entryOf(entry, `resources[${i}]`));
}

function entryOf(entry: unknown, at: string): Encrypted {
  if (!isObject(entry)) throw new Error(`${at}: expected an object`);
  const { resources, providers } = entry;
  if (!Array.isArray(resources) || resources.length === 0 || !resources.every((one) => typeof one === 'string'))
    throw new Error(`${at}.resources: expected a list of resources, e.g. [secrets]`);
  for (const one of resources)
    if (!/^(\*|[a-z][a-z0-9-]*)(\.[a-z0-9.*-]*)?$/.test(one) || one === '*')
      throw new Error(`${at}.resources: "${one}" is no resource; write e.g. secrets, deployments.apps, *.apps, *. or *.*`);
  if (!Array.isArray(providers) || providers.length === 0) throw new Error(`${at}.providers: at least one provider is required`);
  return { resources, providers: providers.flatMap((provider, i) => providerOf(provider, `${at}.providers[${i}]`)) };
}

function providerOf(provider: unknown, at: string): Provider[] {
  const names = isObject(provider) ? Object.keys(provider) : [];
  const name = names[0];
  if (names.length !== 1 || name === undefined) throw new Error(`${at}: expected exactly one of aescbc, aesgcm, secretbox, identity`);
  if (name === 'identity') return [identity];
  if (!(name in MAKE)) throw new Error(`${at}: provider "${name}" is not supported; there are aescbc, aesgcm, secretbox, identity`);
  const keys = ((provider as Document)[name] as Document | null)?.['keys'];
  if (!Array.isArray(keys) || keys.length === 0) throw new Error(`${at}.${name}.keys: at least one key is required`);
  const seen = new Set<string>();
  return keys.map((key: unknown, i) => {
    const where = `${at}.${name}.keys[${i}]`;
    const { name: keyName, secret } = (isObject(key) ? key : {}) as { name?: unknown; secret?: unknown };
    if (typeof keyName !== 'string' || keyName === '' || keyName.includes(':'))
      throw new Error(`${where}.name: expected a name without ':'`);
    if (seen.has(keyName)) throw new Error(`${where}.name: "${keyName}" is there twice`);
    seen.add(keyName);
    return MAKE[name as keyof typeof MAKE](keyName, secretOf(secret, KEY_BYTES[name]!, where));
  });
}

function secretOf(secret: unknown, lengths: readonly number[], at: string): Buffer {
  if (typeof secret !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(secret)) throw new Error(`${at}.secret: expected base64`);
  const bytes = Buffer.from(secret, 'base64');
  if (!lengths.includes(bytes.length))
    throw new Error(`${at}.secret: expected ${lengths.join(', ')} bytes in base64, found ${bytes.length}`);
  return bytes;
}
