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

/** One on each of the nodes, with the same content: the image of the docker-archive, as `repository`. */
export async function startRegistries(cluster: Cluster, folder: string, archive: string, repository: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/users`, `${USER}:${HASHED_PASSWORD}\n`);
  writeFileSync(
    `${folder}/config.yml`,
    `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${folder}/content } }
auth: { htpasswd: { realm: test, path: ${folder}/users } }
http: { addr: '${REGISTRY}' }
`,
  );
  for (const { name } of cluster.nodes) {
    await cluster.startOnNode(name, ['docker-registry', 'serve', `${folder}/config.yml`], `${folder}/${name}.log`);
    const asked = () => cluster.onNode(name, ['curl', '--silent', '--output', '/dev/null', `http://${REGISTRY}/v2/`]);
    await waitFor({ what: `the registry of ${name}`, timeoutMs: 30_000, everyMs: 100 }, async () => {
      await asked();
      return true;
    });
  }
  const flags = ['--quiet', '--insecure-policy', '--dest-tls-verify=false', `--dest-creds=${USER}:${PASSWORD}`];
  await cluster.onNode(cluster.nodes[0]!.name, [
    'skopeo',
    'copy',
    ...flags,
    `docker-archive:${archive}`,
    `docker://${REGISTRY}/${repository}`,
  ]);
}
