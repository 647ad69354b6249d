// Runs critest against `dist/cri.js`. The suite's public images are played by images of this machine's own packages, under the same
// names, from a registry that the runtime is told to ask first.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../kit/exec/index.ts';
import { cgroups, removeTree } from '../kit/linux/index.ts';
import { waitFor } from '../kit/run/index.ts';

const root = join(import.meta.dirname, '..');
const [critest = '', ...rest] = process.argv.slice(2);
const at = rest.indexOf('--runtime');
const runtime = at < 0 ? 'runc' : rest.splice(at, 2)[1];
const work = mkdtempSync(`${tmpdir()}/wherry-critest-`);
chmodSync(work, 0o711); // pods with users of their own come through it
const cgroupParent = `/wherry-critest-${process.pid}`;
const socket = `${work}/cri.sock`;
const REGISTRY = '127.0.0.1:5000';
const children: ChildProcess[] = [];

function startChild(command: string, args: string[], log: string): ChildProcess {
  writeFileSync(log, '');
  const child = spawn('sh', ['-c', 'exec "$0" "$@" >>"$LOG" 2>&1', command, ...args], {
    env: { ...process.env, LOG: log },
    stdio: 'ignore',
  });
  children.push(child);
  return child;
}

/** What the suite's images are, as changes of the tools image or of nginx. */
interface Stand {
  names: string[];
  base: 'tools' | 'nginx';
  user?: string;
  cmd?: string[];
  entrypoint?: string[];
  /** Further files: path -> text. */
  files?: Record<string, string>;
  /** Runs on the unpacked files before they are packed. */
  prepare?(rootfs: string): Promise<void>;
}
const E2E = 'registry.k8s.io/e2e-test-images/';
const TOOLS = 'gcr.io/k8s-staging-cri-tools/';
const different = (n: number): Stand => ({ names: [`${TOOLS}test-image-${n}:latest`], base: 'tools', files: { [`/${n}`]: `${n}\n` } });
const ARCHITECTURES: Record<string, string> = { x64: 'amd64' };
const STANDS: Stand[] = [
  { names: [`${E2E}busybox:1.29-2`], base: 'tools', cmd: ['sh'] },
  { names: [`${E2E}nginx:1.14-2`], base: 'nginx' },
  // the suite looks for the server's name in its log
  { names: [`${E2E}httpd:2.4.39-4`], base: 'nginx', cmd: ['sh', '-c', "echo httpd; exec nginx -g 'daemon off;'"] },
  { names: ['registry.k8s.io/pause:3.9', 'k8s.gcr.io/pause:3.9'], base: 'tools', cmd: ['sleep', 'infinity'] },
  {
    names: [`${TOOLS}hostnet-nginx-${ARCHITECTURES[process.arch] ?? process.arch}:latest`],
    base: 'nginx',
    files: { '/etc/nginx/conf.d/default.conf': 'server { listen 12003; root /usr/share/nginx/html; index index.html; }\n' },
  },
  { names: [`${TOOLS}test-image-user-uid:latest`], base: 'tools', user: '1002', cmd: ['sh'] },
  { names: [`${TOOLS}test-image-user-username:latest`], base: 'tools', user: 'www-data', cmd: ['sh'] },
  {
    names: [`${TOOLS}test-image-user-uid-group:latest`],
    base: 'tools',
    user: '1003:users',
    cmd: ['sh'],
    files: { '/etc/group': 'root:x:0:\nusers:x:100:\n' },
  },
  { names: [`${TOOLS}test-image-user-username-group:latest`], base: 'tools', user: 'www-data:100', cmd: ['sh'] },
  {
    names: [`${TOOLS}test-image-predefined-group:latest`],
    base: 'tools',
    user: '1000',
    cmd: ['sh'],
    files: {
      '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\ndefault-user:x:1000:1000::/home:/bin/sh\n',
      '/etc/group': 'root:x:0:\ndefault-user:x:1000:\ngroup-defined-in-image:x:50000:default-user\n',
    },
  },
  { names: [`${TOOLS}test-image-latest:latest`], base: 'tools', files: { '/latest': '1\n' } },
  { names: [`${TOOLS}test-image-tag:test`], base: 'tools', files: { '/tag': '1\n' } },
  { names: [`${TOOLS}test-image-tag:all`], base: 'tools', files: { '/all': '1\n' } },
  different(1),
  different(2),
  different(3),
  { names: [1, 2, 3].map((n) => `${TOOLS}test-image-tags:${n}`), base: 'tools', files: { '/tags': '1\n' } },
  {
    names: [`${E2E}nonewprivs:1.3`],
    base: 'tools',
    entrypoint: ['/nnp'],
    async prepare(rootfs) {
      const source = `${work}/nnp.c`;
      writeFileSync(
        source,
        '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("Effective uid: %d\\n", geteuid()); return 0; }\n',
      );
      await run('gcc', ['-static', '-o', `${rootfs}/nnp`, source]);
      chmodSync(`${rootfs}/nnp`, 0o4755);
    },
  },
];

/** `pgrep NAME`. */
const PGREP = `#!/bin/sh
for process in /proc/[0-9]*; do
  case "$(cat "$process/comm" 2>/dev/null)" in *"$1"*) echo "\${process#/proc/}" ;; esac
done
`;

/** Applets as hard links: the suite copies single files out of the image's folders. */
async function unpackBase(name: 'tools' | 'nginx'): Promise<string> {
  const folder = `${work}/base-${name}`;
  const archive = `${work}/archive-${name}`;
  mkdirSync(folder, { recursive: true });
  mkdirSync(archive, { recursive: true });
  await run('tar', ['-xf', `${root}/dist/images/wherry-${name}-1.tar`, '-C', archive]);
  const [{ Layers }] = JSON.parse(readFileSync(`${archive}/manifest.json`, 'utf8')) as [{ Layers: string[] }];
  for (const layer of Layers) await run('tar', ['-xf', `${archive}/${layer}`, '-C', folder]);
  for (const applet of readdirSync(`${folder}/bin`)) {
    const path = `${folder}/bin/${applet}`;
    if (!lstatSync(path).isSymbolicLink() || readlinkSync(path) !== '/bin/busybox') continue;
    unlinkSync(path);
    linkSync(`${folder}/bin/busybox`, path);
  }
  // two that Debian's busybox lacks
  copyFileSync('/usr/bin/ipcs', `${folder}/bin/ipcs`);
  writeFileSync(`${folder}/bin/pgrep`, PGREP, { mode: 0o755 });
  mkdirSync(`${folder}/var`, { recursive: true });
  if (!existsSync(`${folder}/var/run`)) symlinkSync('/run', `${folder}/var/run`);
  return folder;
}

async function pushImages(): Promise<void> {
  const bases = { tools: await unpackBase('tools'), nginx: await unpackBase('nginx') };
  for (const [index, stand] of STANDS.entries()) {
    const rootfs = `${work}/rootfs`;
    await run('cp', ['-a', bases[stand.base], rootfs]);
    for (const [path, text] of Object.entries(stand.files ?? {})) writeFileSync(`${rootfs}${path}`, text);
    await stand.prepare?.(rootfs);
    const archive = `${work}/image-${index}`;
    mkdirSync(archive);
    await run('tar', ['-cf', `${archive}/layer.tar`, '--owner=0', '--group=0', '--numeric-owner', '-C', rootfs, '.']);
    const { stdout } = await run('sha256sum', [`${archive}/layer.tar`]);
    const config = {
      User: stand.user ?? '',
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Cmd: stand.cmd ?? (stand.base === 'nginx' ? ['nginx', '-g', 'daemon off;'] : stand.entrypoint ? [] : ['sh']),
      Entrypoint: stand.entrypoint ?? [],
    };
    const architecture = ARCHITECTURES[process.arch] ?? process.arch;
    const image = { architecture, os: 'linux', config, rootfs: { type: 'layers', diff_ids: [`sha256:${stdout.split(' ')[0]}`] } };
    writeFileSync(`${archive}/config.json`, JSON.stringify(image));
    writeFileSync(`${archive}/manifest.json`, JSON.stringify([{ Config: 'config.json', RepoTags: ['x:1'], Layers: ['layer.tar'] }]));
    await run('tar', ['-cf', `${archive}.tar`, '-C', archive, '.']);
    for (const name of stand.names) {
      const repository = name.slice(name.indexOf('/') + 1);
      await run(
        'skopeo',
        [
          'copy',
          '--quiet',
          '--insecure-policy',
          '--dest-tls-verify=false',
          `docker-archive:${archive}.tar`,
          `docker://${REGISTRY}/${repository}`,
        ],
        { timeoutMs: 120_000 },
      );
    }
    rmSync(archive, { recursive: true });
    rmSync(`${archive}.tar`);
    rmSync(rootfs, { recursive: true });
  }
}

/**
 * What stand-ins cannot play: nobody else can make an image with a given digest; and Debian's busybox shell runs the `ls` within
 * itself, whatever is done to /bin/ls (masked paths are tested in agent/cri).
 */
const SKIPPED = ['public image with digest should be pulled and removed', 'runtime should support MaskedPaths'].flatMap((name) => [
  '--ginkgo.skip',
  name,
]);

const answers = (url: string) =>
  fetch(url).then(
    (r) => r.ok,
    () => false,
  );

async function main(): Promise<number> {
  await run('ip', ['link', 'set', 'lo', 'up']);
  writeFileSync(
    `${work}/registry.yml`,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${work}/registry}}\nhttp: {addr: '${REGISTRY}'}\n`,
  );
  startChild('docker-registry', ['serve', `${work}/registry.yml`], `${work}/registry.log`);
  await waitFor({ what: 'the registry', timeoutMs: 20_000 }, () => answers(`http://${REGISTRY}/v2/`));
  await pushImages();
  const mirror = [`http://${REGISTRY}`];
  const config = {
    socket,
    stateDir: `${work}/state`,
    runDir: `${work}/run`,
    imagesDir: `${work}/images`,
    cgroupParent,
    runtime,
    mirrors: { 'registry.k8s.io': mirror, 'k8s.gcr.io': mirror, 'gcr.io': mirror },
  };
  writeFileSync(`${work}/cri.json`, JSON.stringify(config));
  const cri = startChild(process.execPath, [`${root}/dist/cri.js`, `${work}/cri.json`], `${work}/cri.log`);
  await waitFor({ what: 'the CRI socket', timeoutMs: 20_000 }, () => existsSync(socket));
  const endpoint = `unix://${socket}`;
  const suite = spawn(critest, ['--runtime-endpoint', endpoint, '--image-endpoint', endpoint, '--ginkgo.no-color', ...SKIPPED, ...rest], {
    stdio: 'inherit',
  });
  // the suite ends by itself, and what was made here is removed
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => suite.kill('SIGINT'));
  const code = await new Promise<number>((resolve) => suite.on('exit', (status) => resolve(status ?? 1)));
  cri.kill('SIGTERM');
  process.stdout.write(readFileSync(`${work}/cri.log`, 'utf8').split('\n').slice(-20).join('\n'));
  return code;
}

try {
  process.exitCode = await main();
} finally {
  for (const child of children) child.kill('SIGTERM');
  cgroups().kill(cgroupParent);
  await cgroups().remove(cgroupParent);
  await removeTree(work);
}
process.exit();
