// The wherry command: one subcommand a file entry below; errors end in one plain sentence and exit code 1.
import { Command, InvalidArgumentError } from 'commander';
import * as rig from '../rig/index.ts';
import { afterDashes, Interrupted } from './arguments.ts';
import { addCtr } from './ctr.ts';
import { addImageCommands, collect, mirror } from './image-commands.ts';
import { terminalProgress } from './progress.ts';
import { table } from './table.ts';

const program = new Command('wherry')
  .enablePositionalOptions()
  .description('a small, real Kubernetes')
  .version(rig.version)
  .showHelpAfterError('(see wherry --help)');

const count = (text: string): number => {
  if (!/^[0-9]+$/.test(text) || Number(text) < 1 || Number(text) > 100) throw new InvalidArgumentError('expected a number from 1 to 100.');
  return Number(text);
};
type RuntimeHandlers = NonNullable<rig.ClusterOptions['runtimeHandlers']>;

/** `NODE=RUNTIME`, as often as there are nodes with another runtime. */
const nodeRuntime = (text: string, before: Record<string, string> = {}): Record<string, string> => {
  const [, node, runtime] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (node === undefined || runtime === undefined) throw new InvalidArgumentError('expected NODE=RUNTIME, for example node-2=crun.');
  return { ...before, [node]: runtime };
};
/** `NAME=PATH ARG...` */
const runtimeHandler = (text: string, before: RuntimeHandlers = {}): RuntimeHandlers => {
  const [, name, path, args = ''] = /^([^=]+)=(\S+)(?:\s+(.*))?$/.exec(text) ?? [];
  if (name === undefined || path === undefined)
    throw new InvalidArgumentError("expected NAME=PATH, for example gvisor='/usr/bin/runsc --network=host'.");
  return { ...before, [name]: { path, args: args.split(/\s+/).filter((arg) => arg !== '') } };
};
const port = (text: string): number => {
  if (!/^[0-9]+$/.test(text) || Number(text) < 1 || Number(text) > 65_535)
    throw new InvalidArgumentError('expected a port from 1 to 65535.');
  return Number(text);
};
const seconds = (text: string): number => {
  if (!/^[0-9]+$/.test(text) || Number(text) < 1) throw new InvalidArgumentError('expected a number of seconds, at least 1.');
  return Number(text);
};
const print = (text: string): void => void process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
const named = (command: Command) => command.option('--name <name>', 'name of the cluster', 'wherry');

named(program.command('up'))
  .description('start a cluster, or whatever of it is not running, and return when it is ready')
  .option('--nodes <n>', 'number of nodes (default: 1, or as many as the cluster has)', count)
  .option('--service-cidr <cidr>', 'range of Service addresses (default 10.0.0.0/16)')
  .option('--pod-cidr <cidr>', 'range of pod addresses, a /24 a node (default 10.244.0.0/16)')
  .option('--runtime <runtime>', 'runc, crun, the path of an OCI runtime, unix:///PATH of a CRI socket, docker:///PATH (default runc)')
  .option('--node-runtime <node=runtime>', 'another runtime for one node; may be repeated', nodeRuntime)
  .option('--runtime-handler <name=path>', 'an OCI runtime for pods whose RuntimeClass asks for it; may be repeated', runtimeHandler)
  .option('--cgroup-driver <driver>', "who makes pods' control groups: cgroupfs or systemd (default cgroupfs)")
  .option('--port <port>', 'port on 127.0.0.1 for kubectl (default: a free one)', port)
  .option('--audit-policy <file>', 'write an audit log by this policy (audit.k8s.io/v1)')
  .option('--encryption-config <file>', 'encrypt secrets in the store (EncryptionConfiguration)')
  .option('--tracing-config <file>', 'send traces of requests (TracingConfiguration)')
  .option('--authentication-config <file>', 'other issuers of tokens, who needs none (AuthenticationConfiguration)')
  .option('--token-file <file>', 'static tokens: lines of token, user name, uid, "groups"')
  .option('--mirror <registry=url>', 'registry that the nodes ask first; may be given several times', mirror)
  .option('--insecure-registry <host:port>', 'registry without TLS; may be given several times', collect)
  .option('--registry-certs <folder>', 'certificates for registries, HOST[:PORT]/ca.crt (default /etc/wherry/certs.d)')
  .option('--image <tar...>', 'image archives to load', [])
  .option('--timeout <seconds>', 'how long it may take to become ready; more on a slow machine', seconds, 120)
  .action(async ({ serviceCidr, podCidr, timeout, ...given }) => {
    const { nodeRuntime: nodeRuntimes, runtimeHandler: runtimeHandlers, ...others } = given;
    const { mirror: mirrors, insecureRegistry: insecureRegistries, registryCerts: registryCertsDir, ...options } = others;
    await using cluster = await rig.up({
      ...options,
      ...(serviceCidr ? { serviceCIDR: serviceCidr } : {}),
      ...(podCidr ? { podCIDR: podCidr } : {}),
      ...(mirrors ? { mirrors } : {}),
      ...(insecureRegistries ? { insecureRegistries } : {}),
      ...(registryCertsDir ? { registryCertsDir } : {}),
      ...(nodeRuntimes ? { nodeRuntimes } : {}),
      ...(runtimeHandlers ? { runtimeHandlers } : {}),
      timeoutMs: timeout * 1000,
      progress: terminalProgress(process.stderr),
    });
    print(`cluster ${cluster.name} is ready: ${cluster.record.nodes.length} node(s), API at ${cluster.server}`);
    print(`export KUBECONFIG=${cluster.kubeconfig}`);
  });

named(program.command('down'))
  .description('stop a cluster and remove all that it made')
  .option('--all', 'every cluster of this machine')
  .action(async (options) => {
    const names = options.all ? await rig.clusterNames() : [options.name];
    for (const name of names) print((await rig.down(name)) ? `cluster ${name} is gone` : `there is no cluster ${name}`);
  });

program
  .command('list')
  .description('clusters of this machine')
  .action(async () => {
    const rows = await Promise.all((await rig.clusterNames()).map((name) => rig.summary(name)));
    print(
      table(
        ['NAME', 'STATUS', 'NODES', 'API'],
        rows.map((r) => [r.name, r.status, `${r.nodesUp}/${r.nodes}`, r.server]),
      ),
    );
  });

named(program.command('status'))
  .description('processes of a cluster and what they use')
  .action(async (options) => {
    const rows = await rig.status(options.name);
    print(
      table(
        ['PART', 'PID', 'STATE', 'MEMORY', 'CPU'],
        rows.map((r) => [r.part, r.pid ? String(r.pid) : '-', r.state, r.memory, r.cpu]),
      ),
    );
    if (rows.some((r) => r.state !== 'running')) process.exitCode = 1;
  });

named(program.command('kubeconfig'))
  .description("print a cluster's kubeconfig")
  .action(async (options) => {
    print(await rig.kubeconfig(options.name));
  });

addImageCommands(program, named);
addCtr(program, named);

named(program.command('exec').argument('<node>').argument('<command...>').passThroughOptions())
  .description("run a command in a node's namespaces")
  .action(async (node, command, options) => {
    process.exitCode = await rig.execInNode(options.name, node, afterDashes(command));
  });

named(program.command('kill').argument('<part>', 'control-plane, or the name of a node (its agent)'))
  .description('kill -9 one process of a cluster; wherry up starts it again')
  .action(async (part, options) => print((await rig.killPart(options.name, part)) ? `${part} killed` : `${part} was not running`));

program
  .command('cri')
  .description('run the container runtime alone, for crictl and other kubelets; Ctrl-C leaves its containers running')
  .option('--config <file>', 'JSON file with all settings, instead of the flags below')
  .option('--socket <path>', 'Unix socket to serve (default /run/wherry/cri.sock)')
  .option('--state-dir <folder>', 'records and writable layers (default /var/lib/wherry/cri)')
  .option('--run-dir <folder>', 'what may vanish with a reboot (default /run/wherry/cri)')
  .option('--images-dir <folder>', 'images (default /var/lib/wherry/images)')
  .option('--runtime <program>', 'runc, crun or the path of an OCI runtime (default runc)')
  .option('--cgroup-parent <cgroup>', 'cgroup of all pods (default /wherry-cri)')
  .option('--cgroup-driver <driver>', 'who makes them: cgroupfs or systemd (default cgroupfs)')
  .option('--bridge <name>', "name of the pods' bridge (default wherry0)")
  .option('--pod-cidr <cidr>', 'addresses of the pods (default 10.88.0.0/16)')
  .action(async ({ config, podCidr, ...flags }: rig.CriFlags & { config?: string; podCidr?: string }) => {
    const given = { ...flags, ...(podCidr ? { podCIDR: podCidr } : {}) };
    if (config && Object.keys(given).length > 0) throw new Error('--config has all settings: no other flag goes with it');
    process.exitCode = await rig.runCri(config ?? given);
  });

program
  .command('doctor')
  .description('what this host lacks, and how to get it')
  .action(() => {
    const findings = rig.examineHost();
    for (const f of findings) print(f.ok ? `ok       ${f.what}` : `${f.required ? 'MISSING ' : 'optional'} ${f.hint}`);
    if (findings.some((f) => !f.ok && f.required)) process.exitCode = 1;
  });

// `wherry list | head -1` closes the pipe early: no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
if (process.argv[2] === '--warm') process.exit(0);
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`wherry: ${error instanceof Error ? error.message : String(error)}\n`);
  if (process.env['WHERRY_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = error instanceof Interrupted ? 130 : 1;
}
