// Builds the images that clusters start with, from this machine's own Debian packages: wherry/tools (busybox and curl) and wherry/nginx:1 and :2.
// Output: docker-archive tars in dist/images/. Nothing is downloaded; the same packages give the same bytes.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../kit/exec/index.ts';

const out = join(import.meta.dirname, '../dist/images');

interface ImageConfig {
  Env: string[];
  Cmd?: string[];
  Entrypoint?: string[];
  WorkingDir?: string;
  ExposedPorts?: Record<string, object>;
  StopSignal?: string;
}

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

async function which(program: string): Promise<string> {
  for (const folder of ['/usr/sbin', '/usr/bin', '/sbin', '/bin'])
    if (existsSync(`${folder}/${program}`)) return realpath(`${folder}/${program}`);
  throw new Error(`${program} is not installed: run ./scripts/setup`);
}

/** Copies a program and the shared libraries that ldd names. */
async function addProgram(rootfs: string, program: string, target: string): Promise<void> {
  const source = await which(program);
  await add(rootfs, source, target);
  const { stdout } = await run('ldd', [source]);
  for (const match of stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)) await add(rootfs, match[1]!, match[1]!);
}

async function add(rootfs: string, source: string, target: string): Promise<void> {
  const to = join(rootfs, target);
  if (existsSync(to)) return;
  await mkdir(dirname(to), { recursive: true });
  await copyFile(await realpath(source), to);
  await chmod(to, 0o755);
}

/** Folders, users and resolver files that any program expects. */
async function base(rootfs: string): Promise<void> {
  for (const folder of ['bin', 'etc', 'root', 'proc', 'sys', 'dev', 'run', 'var/log', 'usr/bin', 'usr/sbin', 'home', 'lib64'])
    await mkdir(join(rootfs, folder), { recursive: true });
  for (const folder of ['tmp', 'var/tmp']) {
    await mkdir(join(rootfs, folder), { recursive: true });
    await chmod(join(rootfs, folder), 0o1777);
  }
  await writeFile(
    join(rootfs, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n',
  );
  await writeFile(join(rootfs, 'etc/group'), 'root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nnogroup:x:65534:\n');
  await writeFile(join(rootfs, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n');
  await addBusybox(rootfs);
  for (const program of ['printenv', 'stat', 'nproc'])
    if (!existsSync(join(rootfs, 'bin', program))) await addProgram(rootfs, program, `bin/${program}`);
}

async function addBusybox(rootfs: string): Promise<void> {
  const busybox = await which('busybox');
  await add(rootfs, busybox, 'bin/busybox');
  const { stdout } = await run(busybox, ['--list']);
  for (const applet of stdout.split('\n').filter((name) => name !== '' && name !== 'busybox')) {
    await symlink('/bin/busybox', join(rootfs, 'bin', applet)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function tools(rootfs: string): Promise<ImageConfig> {
  await base(rootfs);
  await addProgram(rootfs, 'curl', 'usr/bin/curl');
  // busybox looks host names up through these when it was linked against glibc
  for (const library of [
    '/lib/x86_64-linux-gnu/libnss_dns.so.2',
    '/lib/x86_64-linux-gnu/libnss_files.so.2',
    '/lib/aarch64-linux-gnu/libnss_dns.so.2',
  ]) {
    if (existsSync(library)) await add(rootfs, library, library);
  }
  return { Env: [path], Cmd: ['/bin/sh'] };
}

async function nginx(rootfs: string, version: string): Promise<ImageConfig> {
  await base(rootfs);
  await addProgram(rootfs, 'nginx', 'usr/sbin/nginx');
  for (const folder of ['etc/nginx/conf.d', 'usr/share/nginx/html', 'var/lib/nginx', 'var/log/nginx', 'usr/share/nginx/modules'])
    await mkdir(join(rootfs, folder), { recursive: true });
  await writeFile(
    join(rootfs, 'etc/nginx/nginx.conf'),
    `worker_processes 1;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
  access_log /dev/stdout;
  default_type text/html;
  keepalive_timeout 65;
  include /etc/nginx/conf.d/*.conf;
}
`,
  );
  await writeFile(
    join(rootfs, 'etc/nginx/conf.d/default.conf'),
    `server {
  listen 80;
  root /usr/share/nginx/html;
  index index.html;
}
`,
  );
  await writeFile(
    join(rootfs, 'usr/share/nginx/html/index.html'),
    `<!DOCTYPE html>\n<title>Welcome to nginx!</title>\n<h1>Welcome to nginx!</h1>\n<p>wherry/nginx:${version}</p>\n`,
  );
  return { Env: [path], Cmd: ['nginx', '-g', 'daemon off;'], ExposedPorts: { '80/tcp': {} }, StopSignal: 'SIGQUIT' };
}

const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex');

/** The same files make the same bytes. */
async function archive(tar: string, folder: string, names: readonly string[]): Promise<void> {
  const stable = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  await run('tar', [...stable, '-cf', tar, '-C', folder, ...names]);
}

async function build(tags: readonly [string, ...string[]], fill: (rootfs: string) => Promise<ImageConfig>): Promise<void> {
  const [tag] = tags;
  const work = await mkdtemp(join(tmpdir(), 'wherry-image-'));
  try {
    const rootfs = join(work, 'rootfs');
    await mkdir(rootfs);
    const config = await fill(rootfs);
    await archive(join(work, 'layer.tar'), rootfs, ['.']);
    const layer = sha256(await readFile(join(work, 'layer.tar')));
    await mkdir(join(work, layer));
    await rename(join(work, 'layer.tar'), join(work, layer, 'layer.tar'));
    const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
    const document = JSON.stringify({
      architecture,
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config,
      rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: `scripts/images ${tag}` }],
    });
    const configFile = `${sha256(document)}.json`;
    await writeFile(join(work, configFile), document);
    await writeFile(join(work, 'manifest.json'), JSON.stringify([{ Config: configFile, RepoTags: tags, Layers: [`${layer}/layer.tar`] }]));
    await mkdir(out, { recursive: true });
    const target = join(out, `${tag.replaceAll('/', '-').replace(':', '-')}.tar`);
    await archive(`${target}.new`, work, ['manifest.json', configFile, layer]);
    await rename(`${target}.new`, target);
    console.log(`built ${tag}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

await build(['wherry/tools:1', 'wherry/tools:latest'], tools);
await build(['wherry/nginx:1'], (rootfs) => nginx(rootfs, '1'));
await build(['wherry/nginx:2'], (rootfs) => nginx(rootfs, '2'));
