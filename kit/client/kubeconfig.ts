// A client from a kubeconfig file: what its current context says.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { createHttpsClient, type HttpsClient, type HttpsClientOptions } from './https.ts';

/** What the file's current context says. @throws Error naming what is missing */
export async function readKubeconfig(file: string): Promise<HttpsClientOptions> {
  const folder = path.dirname(file); // where relative names start
  const config = parse(await readFile(file, 'utf8')) ?? {};
  const find = (list: unknown, name: string, what: string) => {
    const found = (Array.isArray(list) ? list : []).find((item: { name?: string }) => item.name === name);
    if (!found) throw new Error(`kubeconfig has no ${what} "${name}"`);
    return found[what] ?? {};
  };
  const context = find(config.contexts, config['current-context'], 'context');
  const cluster = find(config.clusters, context.cluster, 'cluster');
  const user = find(config.users, context.user, 'user');
  const material = async (holder: Record<string, string | undefined>, field: string): Promise<Buffer | undefined> => {
    const data = holder[`${field}-data`];
    if (data) return Buffer.from(data, 'base64');
    const file = holder[field];
    return file ? await readFile(path.resolve(folder, file)) : undefined;
  };
  const [ca, cert, key] = await Promise.all([
    material(cluster, 'certificate-authority'),
    material(user, 'client-certificate'),
    material(user, 'client-key'),
  ]);
  return {
    server: cluster.server,
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(user.token ? { token: user.token } : {}),
  };
}

export async function createClientFromKubeconfig(file: string, userAgent?: string): Promise<HttpsClient> {
  return createHttpsClient({ ...(await readKubeconfig(file)), ...(userAgent ? { userAgent } : {}) });
}
