// Shows the walk-through on a running cluster with the user's own kubectl, step by step.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attachCluster } from '../rig/index.ts';
import { steps } from '../test/walk-through/steps.ts';

const name = process.argv[2] ?? 'demo';
const only = process.argv[3]; // a part of a step's title, for trying one again
const cluster = await attachCluster(name);
const dir = await mkdtemp(join(tmpdir(), 'wherry-walk-'));
try {
  for (const step of steps.filter((s) => only === undefined || s.title.includes(only))) {
    console.log(`\n=== ${step.title}`);
    await step.run({ ...cluster, dir, say: (text) => console.log(text) });
  }
  console.log(`
The cluster ${name} keeps running. Next:
  export KUBECONFIG=${cluster.kubeconfig}
  kubectl get nodes
  kubectl run hello --image=wherry/nginx:1 && kubectl get pods -w
  ./scripts/wherry exec --name ${name} node-1 -- curl -s http://POD_IP/
  ./scripts/wherry status --name ${name}
  ./scripts/wherry down --name ${name}`);
} catch (error) {
  console.error(`\nwalk-through: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await cluster.client.close();
  await rm(dir, { recursive: true, force: true });
}
