// wherry ctr: what a node's container runtime has, without the API, for when something is wrong with that.
import { type Command, InvalidArgumentError } from 'commander';
import * as rig from '../rig/index.ts';
import { afterDashes } from './arguments.ts';
import { runSession } from './ctr-session.ts';
import { age, bytes, table } from './table.ts';

const print = (text: string): void => void process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
const shortId = (id = ''): string => id.replace(/^sha256:/, '').slice(0, 13);
const count = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a number.');
  return Number(text);
};

interface Where {
  name: string;
  node?: string;
  socket?: string;
}

export function addCtr(program: Command, named: (command: Command) => Command): void {
  const ctr = named(program.command('ctr'))
    .description("look at a node's containers without the API")
    .option('--node <node>', 'node of the cluster (default: its only one)')
    .option('--socket <path>', 'socket of any CRI runtime, instead of a node')
    .enablePositionalOptions();
  const on =
    <A extends unknown[]>(action: (runtime: rig.NodeRuntime, ...args: A) => Promise<void>) =>
    async (...args: unknown[]) => {
      const { name, node, socket } = ctr.opts<Where>();
      const address = socket === undefined ? await rig.runtimeAddress(name, node) : { socket };
      const { NodeRuntime } = await rig.nodeRuntime();
      using runtime = new NodeRuntime(address);
      await action(runtime, ...(args as A));
    };

  ctr.command('ps').description('containers').option('-a, --all', 'also those that have ended').action(on(ps));
  ctr.command('pods').description('pods').action(on(pods));
  ctr.command('images').description('images').action(on(images));
  ctr.command('stats').description('what the containers use').action(on(stats));
  ctr
    .command('logs')
    .argument('<container>', 'id, name or POD/NAME')
    .description('what a container wrote')
    .option('-f, --follow', 'go on until it ends')
    .option('-t, --timestamps', 'with the time of each line')
    .option('--tail <lines>', 'only the last lines', count)
    .action(on(logs));
  ctr
    .command('exec')
    .argument('<container>')
    .argument('<command...>')
    .passThroughOptions()
    .description('run a command in a container')
    .option('-i, --stdin', 'pass standard input')
    .option('-t, --tty', 'with a terminal')
    .action(on(execute));
  ctr.command('inspect').argument('<container or pod>').description('all that the runtime knows, as JSON').action(on(inspect));
  ctr
    .command('rm')
    .argument('<container or pod...>')
    .description('stop and remove; the agent makes anew what its pods still want')
    .action(on(remove));
  ctr.command('prune').description('remove containers that have ended, but for the newest of each running pod').action(on(prune));
}

const states: Record<string, string> = { CONTAINER_RUNNING: 'Running', CONTAINER_CREATED: 'Created', CONTAINER_EXITED: 'Exited' };

async function ps(runtime: rig.NodeRuntime, { all }: { all?: boolean }): Promise<void> {
  const { podOf } = await rig.nodeRuntime();
  const rows = (await runtime.containers()).filter(({ state }) => all || state === 'CONTAINER_RUNNING');
  print(
    table(
      ['CONTAINER', 'IMAGE', 'CREATED', 'STATE', 'NAME', 'ATTEMPT', 'POD ID', 'POD', 'NAMESPACE'],
      rows.map((c) => [
        shortId(c.id),
        c.image?.userSpecifiedImage || c.image?.image || shortId(c.imageRef),
        age(c.createdAt),
        states[c.state ?? ''] ?? 'Unknown',
        c.metadata?.name ?? '',
        String(c.metadata?.attempt ?? 0),
        shortId(c.podSandboxId),
        podOf(c).name,
        podOf(c).namespace,
      ]),
    ),
  );
}

async function pods(runtime: rig.NodeRuntime): Promise<void> {
  print(
    table(
      ['POD ID', 'CREATED', 'STATE', 'NAME', 'NAMESPACE', 'ATTEMPT', 'RUNTIME'],
      (await runtime.pods()).map(({ id, createdAt, state, metadata, runtimeHandler }) => [
        shortId(id),
        age(createdAt),
        state === 'SANDBOX_READY' ? 'Ready' : 'NotReady',
        metadata?.name ?? '',
        metadata?.namespace ?? '',
        String(metadata?.attempt ?? 0),
        runtimeHandler || '(default)',
      ]),
    ),
  );
}

async function images(runtime: rig.NodeRuntime): Promise<void> {
  const rows = (await runtime.images()).flatMap(({ id, repoTags = [], repoDigests = [], size }) =>
    (repoTags.length > 0 ? repoTags : [`${(repoDigests[0] ?? '<none>').split('@')[0]}:<none>`]).map((name) => {
      const colon = name.lastIndexOf(':');
      return [name.slice(0, colon), name.slice(colon + 1), shortId(id), bytes(Number(size ?? 0))];
    }),
  );
  print(
    table(
      ['IMAGE', 'TAG', 'IMAGE ID', 'SIZE'],
      rows.sort((a, b) => (a.join() < b.join() ? -1 : 1)),
    ),
  );
}

async function stats(runtime: rig.NodeRuntime): Promise<void> {
  print(
    table(
      ['CONTAINER', 'NAME', 'CPU', 'MEM', 'DISK', 'INODES'],
      (await runtime.stats()).map(({ attributes, cpu, memory, writableLayer }) => [
        shortId(attributes?.id),
        attributes?.metadata?.name ?? '',
        `${(Number(cpu?.usageCoreNanoSeconds?.value ?? 0) / 1e9).toFixed(2)} s`,
        bytes(Number(memory?.workingSetBytes?.value ?? 0)),
        bytes(Number(writableLayer?.usedBytes?.value ?? 0)),
        String(writableLayer?.inodesUsed?.value ?? 0),
      ]),
    ),
  );
}

interface LogFlags {
  follow?: boolean;
  timestamps?: boolean;
  tail?: number;
}

async function logs(runtime: rig.NodeRuntime, text: string, { follow, timestamps, tail }: LogFlags): Promise<void> {
  const { id = '' } = await runtime.container(text);
  const stop = new AbortController();
  process.once('SIGINT', () => {
    process.exitCode = 130;
    stop.abort();
  });
  const options = { follow: follow === true, timestamps: timestamps === true, signal: stop.signal };
  for await (const { stream, text: line } of runtime.logs(id, { ...options, ...(tail === undefined ? {} : { tailLines: tail }) }))
    process[stream].write(line);
}

async function execute(
  runtime: rig.NodeRuntime,
  text: string,
  command: string[],
  { stdin, tty }: { stdin?: boolean; tty?: boolean },
): Promise<void> {
  if (tty && !process.stdin.isTTY) throw new Error('standard input is no terminal: leave out -t');
  const { id = '' } = await runtime.container(text);
  const { columns, rows } = process.stdout;
  const size = tty && columns && rows ? { width: columns, height: rows } : {};
  const session = await runtime.exec(id, afterDashes(command), { stdin: stdin === true, tty: tty === true, ...size });
  process.exitCode = await runSession(session, tty === true);
}

async function inspect(runtime: rig.NodeRuntime, text: string): Promise<void> {
  const container = await runtime.container(text).catch(() => undefined);
  const found = container ? await runtime.containerStatus(container.id ?? '') : await runtime.podStatus((await runtime.pod(text)).id ?? '');
  const info = Object.entries(found.info ?? {}).map(([name, json]): [string, unknown] => [name, parsed(json)]);
  print(
    JSON.stringify({ status: found.status, ...(info.length === 1 ? { info: info[0]![1] } : { info: Object.fromEntries(info) }) }, null, 2),
  );
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

async function remove(runtime: rig.NodeRuntime, texts: string[]): Promise<void> {
  for (const text of texts) {
    const container = await runtime.container(text).catch(() => undefined);
    if (container) await runtime.removeContainer(container.id ?? '');
    else await runtime.removePod((await runtime.pod(text)).id ?? '');
    print(`removed ${text}`);
  }
}

/** The newest ended one tells why a container of a running pod was started again: it stays. */
async function prune(runtime: rig.NodeRuntime): Promise<void> {
  const ready = new Set((await runtime.pods()).filter(({ state }) => state === 'SANDBOX_READY').map(({ id }) => id));
  const kept = new Set<string>();
  let removed = 0;
  for (const { id = '', state, podSandboxId, metadata } of await runtime.containers()) {
    if (state !== 'CONTAINER_EXITED') continue;
    const key = `${podSandboxId}/${metadata?.name}`;
    if (ready.has(podSandboxId) && !kept.has(key)) {
      kept.add(key);
      continue;
    }
    await runtime.removeContainer(id);
    removed++;
  }
  print(`${removed} container(s) removed`);
}
