// Certificates for registries, in the folder layout that Docker and containerd read (certs.d): `HOST[:PORT]/*.crt` are authorities that are
// trusted for this registry beside the system's, `NAME.cert` with `NAME.key` is shown to it. Read at each request: a change needs no restart.
import { readdir, readFile } from 'node:fs/promises';
import { RegistryError } from './registry-error.ts';

export interface RegistryCertificates {
  ca: readonly string[];
  /** PEM. */
  client?: { cert: string; key: string };
}

/** Of the registry at `host[:port]`; undefined where it has no folder. @throws RegistryError when a file cannot be read or lacks its pair */
export async function registryCertificates(folder: string, host: string): Promise<RegistryCertificates | undefined> {
  const own = `${folder}/${host}`;
  try {
    const names = (await readdir(own)).sort();
    const read = (name: string) => readFile(`${own}/${name}`, 'utf8');
    const ca = await Promise.all(names.filter((name) => name.endsWith('.crt')).map(read));
    const cert = names.find((name) => name.endsWith('.cert'));
    const key = cert?.replace(/\.cert$/, '.key');
    if (cert === undefined || key === undefined) return { ca };
    if (!names.includes(key)) throw new Error(`${cert} lacks its ${key}; an authority's file is named *.crt`);
    return { ca, client: { cert: await read(cert), key: await read(key) } };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new RegistryError('other', `certificates of ${host} in ${own}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}
