// A registry that wants a password, on the loopback of each node of a test's cluster: every runtime speaks to it without TLS there.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { waitFor } from '../../kit/run/index.ts';
import type { Cluster } from '../../rig/index.ts';

export const REGISTRY = '127.0.0.1:5000';
export const USER = 'wherry';
export const PASSWORD = 'secret';
const HASHED_PASSWORD = '$2b$04$CunUs1IsFmxuuqxmUoUSF.ZHZrSQehmQ1cCZH35vBwEF12JyQS4vO';

const programs = ['/usr/bin/docker-registry', '/usr/bin/skopeo'];
/** What is not installed of what it needs. */
export const missingForRegistry = (): string[] => programs.filter((program) => !existsSync(program));

/** Runs on the node's loopback until the node is off; `users` is a file of htpasswd. */
export async function startRegistry(cluster: Cluster, node: string, folder: string, users?: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const auth = users === undefined ? '' : `auth: { htpasswd: { realm: test, path: ${users} } }\n`;
  const config = `${folder}/${node}.yml`;
  writeFileSync(
    config,
    `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${folder}/content } }\nhttp: { addr: '${REGISTRY}' }\n${auth}`,
  );
  await cluster.startOnNode(node, ['docker-registry', 'serve', config], `${folder}/${node}.log`);
  await waitFor({ what: `the registry of ${node}`, timeoutMs: 120_000, everyMs: 100 }, async () => {
    await cluster.onNode(node, ['curl', '--silent', '--output', '/dev/null', `http://${REGISTRY}/v2/`]);
    return true;
  });
}

/** Puts the image of a docker-archive into the registry of a node. */
export async function push(cluster: Cluster, node: string, archive: string, image: string, credentials?: string): Promise<void> {
  const flags = ['--quiet', '--insecure-policy', '--dest-tls-verify=false', ...(credentials ? [`--dest-creds=${credentials}`] : [])];
  await cluster.onNode(node, ['skopeo', 'copy', ...flags, `docker-archive:${archive}`, `docker://${REGISTRY}/${image}`]);
}

/** One on each of the nodes, with the same content: the image of the docker-archive, as `repository`. */
export async function startRegistries(cluster: Cluster, folder: string, archive: string, repository: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/users`, `${USER}:${HASHED_PASSWORD}\n`);
  for (const { name } of cluster.nodes) await startRegistry(cluster, name, folder, `${folder}/users`);
  await push(cluster, cluster.nodes[0]!.name, archive, repository, `${USER}:${PASSWORD}`);
}
