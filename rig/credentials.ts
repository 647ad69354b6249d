// Keys, certificates and kubeconfigs of a cluster on one machine: made before its processes start, so that nobody waits for them.
import { existsSync } from 'node:fs';
import { readFileIfExists, writeFileAtomic } from '../kit/fs/index.ts';
import { ensurePki, issueNode, kubeconfig, type Pki } from '../kit/net/index.ts';
import { apiPortOnLan, lan } from './addresses.ts';
import { apiServerNames } from './configs.ts';
import { layoutOf } from './layout.ts';
import type { ClusterRecord, NodeRecord } from './record.ts';

/** Makes what is missing; what is there stays. */
export async function ensureCredentials(record: ClusterRecord): Promise<void> {
  const layout = layoutOf(record.name);
  const { names, ips } = apiServerNames(record);
  const pki = await ensurePki(layout.pki, { clusterName: record.name, apiServerNames: names, apiServerIps: ips });
  const server = `https://127.0.0.1:${record.apiPort}`;
  const text = kubeconfig({ name: record.name, server, ca: pki.ca.cert, user: `${record.name}-admin`, credentials: pki.admin });
  if ((await readFileIfExists(layout.kubeconfig)) !== text) await writeFileAtomic(layout.kubeconfig, text);
  await Promise.all(record.nodes.map((node) => ensureNodeCredentials(record, node, pki)));
}

async function ensureNodeCredentials(record: ClusterRecord, node: NodeRecord, pki: Pki): Promise<void> {
  const files = layoutOf(record.name).node(node.name);
  // The former is written last.
  if (existsSync(files.kubeconfig) || existsSync(files.bootstrapKubeconfig)) return;
  const identity = issueNode(pki.ca, { name: node.name, ips: [node.ip] });
  await writeFileAtomic(`${files.dir}/serving.crt`, identity.serving.cert);
  await writeFileAtomic(`${files.dir}/serving.key`, identity.serving.key);
  const server = `https://${lan.gateway}:${apiPortOnLan}`;
  await writeFileAtomic(
    files.kubeconfig,
    kubeconfig({ name: record.name, server, ca: pki.ca.cert, user: node.name, credentials: identity.client }),
  );
}
