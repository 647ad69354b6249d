// Namespaces that play a node with two pods on its bridge and a host outside, for the backends' contract.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { execa } from 'execa';
import { tryRun } from '../../kit/exec/index.ts';
import { createNamedNetns, homeFirst, Netlink, removeTree, unpinNamespace } from '../../kit/linux/index.ts';

export const NODE_IP = '172.31.7.1';
export const OUTSIDE_IP = '172.31.7.9';
export const PODS = { a: '10.244.1.2', b: '10.244.1.3' } as const;

export type Where = 'node' | 'outside' | 'a' | 'b';

export interface TestNet {
  path(where: Where): string;
  /** Connects and returns what the server says (`a 10.0.0.1`: its name and whom it sees), 'refused' or, when its patience is over (half a minute: what answers does so sooner, on a busy machine too), 'timeout'. */
  talk(from: Where, protocol: 'tcp' | 'udp', ip: string, port: number, patienceSeconds?: number): Promise<string>;
  close(): Promise<void>;
}

// Every server says its name and the address it sees, on TCP and UDP 8080.
const SERVER = `
  const name = process.argv[1];
  require('node:net').createServer((s) => { s.on('error', () => {}); s.end(name + ' ' + s.remoteAddress.replace('::ffff:', '') + '\\n'); }).listen(8080, '0.0.0.0', ready);
  const u = require('node:dgram').createSocket('udp4');
  u.on('message', (_, from) => u.send(name + ' ' + from.address + '\\n', from.port, from.address)).bind(8080, ready);
  let left = 2; function ready() { if (--left === 0) process.stdout.write('ready'); }`;

export async function createTestNet(): Promise<TestNet> {
  await homeFirst();
  const folder = mkdtempSync(`${tmpdir()}/wherry-proxy-`);
  const path = (where: Where) => `${folder}/${where}`;
  const all: Where[] = ['node', 'outside', 'a', 'b'];
  for (const where of all) createNamedNetns(path(where));
  using node = Netlink.open({ netns: path('node') });
  await node.setLink('lo', { up: true });
  await node.createBridge('cni0', { up: true });
  await node.addAddress('cni0', '10.244.1.1/24');
  await node.createVeth('lan', { up: true, peer: { name: 'eth0', netns: path('outside') } });
  await node.addAddress('lan', `${NODE_IP}/24`);
  await node.replaceRoute({ gateway: OUTSIDE_IP });
  for (const pod of ['a', 'b'] as const) {
    await node.createVeth(`veth-${pod}`, { up: true, master: 'cni0', peer: { name: 'eth0', netns: path(pod) } });
    await node.setLink(`veth-${pod}`, { hairpin: true });
    await plug(path(pod), `${PODS[pod]}/24`, '10.244.1.1');
  }
  await plug(path('outside'), `${OUTSIDE_IP}/24`, NODE_IP);
  const servers = (['a', 'b', 'node'] as const).map((where) =>
    execa('nsenter', [`--net=${path(where)}`, process.execPath, '-e', SERVER, where], {
      reject: false,
      buffer: false,
      stdin: 'ignore',
      stderr: 'inherit',
    }),
  );
  await Promise.all(
    servers.map(
      (server) =>
        new Promise((resolve, reject) => {
          server.stdout?.once('data', resolve);
          server.then((ended) => reject(new Error(`server ended: ${ended.shortMessage}`)));
        }),
    ),
  );
  return {
    path,
    async talk(from, protocol, ip, port, patienceSeconds = 30) {
      const script = `exec 3<>/dev/${protocol}/${ip}/${port} || exit 7; ${protocol === 'udp' ? 'echo x >&3;' : ''} head -n 1 <&3`;
      const result = await tryRun('nsenter', [`--net=${path(from)}`, 'timeout', String(patienceSeconds), 'bash', '-c', script]);
      if (result.stdout) return result.stdout.trim();
      return /refused/i.test(result.stderr) ? 'refused' : 'timeout';
    },
    async close() {
      for (const server of servers) server.kill('SIGKILL');
      await Promise.all(servers);
      for (const where of all) unpinNamespace(path(where));
      await removeTree(folder);
    },
  };
}

async function plug(netns: string, cidr: string, gateway: string): Promise<void> {
  using netlink = Netlink.open({ netns });
  await netlink.setLink('lo', { up: true });
  await netlink.setLink('eth0', { up: true });
  await netlink.addAddress('eth0', cidr);
  await netlink.replaceRoute({ gateway });
}
