// A running cluster as a program uses it: client, kubeconfig, waiting until it is ready.
import { access } from 'node:fs/promises';
import type { Lease } from '../api/gen/types/coordination.v1.ts';
import type { Node } from '../api/gen/types/core.v1.ts';
import { createClientFromKubeconfig, type HttpsClient, RESOURCES } from '../kit/client/index.ts';
import { isAlive } from '../kit/exec/index.ts';
import { GiveUp, waitFor } from '../kit/run/index.ts';
import { layoutOf } from './layout.ts';
import { logTail } from './logs.ts';
import type { ClusterRecord } from './record.ts';

export class ClusterAccess {
  readonly record: ClusterRecord;
  readonly client: HttpsClient;

  private constructor(record: ClusterRecord, client: HttpsClient) {
    this.record = record;
    this.client = client;
  }

  static async open(record: ClusterRecord): Promise<ClusterAccess> {
    const { kubeconfig } = layoutOf(record.name);
    await access(kubeconfig);
    return new ClusterAccess(record, await createClientFromKubeconfig(kubeconfig, 'wherry'));
  }

  get name(): string {
    return this.record.name;
  }
  get server(): string {
    return `https://127.0.0.1:${this.record.apiPort}`;
  }
  /** Path of the admin's kubeconfig. */
  get kubeconfig(): string {
    return layoutOf(this.record.name).kubeconfig;
  }

  /**
   * Waits until pods can be made: all nodes Ready, the default service account there, the DNS Service there. `since` names agents
   * that were just started, with the time (milliseconds since the epoch): what the API says of those must be younger.
   * @throws Error at the deadline or as soon as a process of the cluster has ended, with the end of its log
   */
  async untilReady(timeoutMs: number, since: ReadonlyMap<string, number> = new Map()): Promise<void> {
    await waitFor({ what: `cluster ${this.name} to be ready`, timeoutMs, everyMs: 5 }, () => this.#isReady(since));
  }

  async #isReady(since: ReadonlyMap<string, number>): Promise<boolean> {
    await this.#checkProcesses();
    const nodes = await this.client.list<Node>(RESOURCES.nodes);
    const ready = nodes.items.filter((node) => node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'));
    if (ready.length < this.record.nodes.length) throw new Error(`${ready.length} of ${this.record.nodes.length} nodes are ready`);
    for (const [node, startedMs] of since) await this.#checkLease(node, startedMs);
    await this.client.get(RESOURCES.serviceaccounts, 'default', { namespace: 'default' });
    await this.client.get(RESOURCES.services, 'kube-dns', { namespace: 'kube-system' });
    return true;
  }

  /** The agent renews its Lease when all of its services have started. */
  async #checkLease(node: string, startedMs: number): Promise<void> {
    const lease = await this.client.get<Lease>(RESOURCES.leases, node, { namespace: 'kube-node-lease' });
    if (Date.parse(lease.spec?.renewTime ?? '') < startedMs) throw new Error(`the agent of ${node} has not reported yet`);
  }

  async #checkProcesses(): Promise<void> {
    const parts = [['control-plane', this.record.controlPlane] as const, ...this.record.nodes.map((n) => [n.name, n.agent] as const)];
    for (const [part, process] of parts) {
      if (process && !isAlive(process)) throw new GiveUp(`${part} ended:\n${await logTail(this.record, part)}`);
    }
  }

  async close(): Promise<void> {
    await this.client.close();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
