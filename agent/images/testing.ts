// Images for tests, made by tar from busybox: no registry, no builder.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { run } from '../../kit/exec/index.ts';

export interface TestImageConfig {
  Env?: string[];
  Cmd?: string[];
  Entrypoint?: string[];
  User?: string;
  WorkingDir?: string;
  StopSignal?: string;
}

/** A docker-archive below `folder` with one layer a directory (or ready tar); returns its path. */
export async function dockerArchive(
  folder: string,
  name: string,
  layers: readonly string[],
  config: TestImageConfig,
  tars: readonly string[] = [],
): Promise<string> {
  const work = mkdtempSync(`${folder}/archive-`);
  const files: string[] = [];
  const diffIds: string[] = [];
  const add = (file: string) => {
    files.push(file);
    diffIds.push(
      `sha256:${createHash('sha256')
        .update(readFileSync(`${work}/${file}`))
        .digest('hex')}`,
    );
  };
  for (const [index, layer] of layers.entries()) {
    await run('tar', [
      '--create',
      `--file=${work}/${index}.tar`,
      '--sort=name',
      '--mtime=@0',
      '--owner=0',
      '--group=0',
      '--numeric-owner',
      `--directory=${layer}`,
      '.',
    ]);
    add(`${index}.tar`);
  }
  for (const [index, tar] of tars.entries()) {
    copyFileSync(tar, `${work}/tar${index}.tar`);
    add(`tar${index}.tar`);
  }
  writeFileSync(
    `${work}/config.json`,
    JSON.stringify({ architecture: 'amd64', os: 'linux', config, rootfs: { type: 'layers', diff_ids: diffIds } }),
  );
  writeFileSync(`${work}/manifest.json`, JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: files }]));
  await run('tar', ['--create', `--file=${work}.tar`, `--directory=${work}`, '.']);
  return `${work}.tar`;
}

/** busybox with a shell and the usual tools, users root and web (1000:1000, also in group 2000). */
export async function busyboxArchive(folder: string, name: string, config: TestImageConfig = {}): Promise<string> {
  const root = mkdtempSync(`${folder}/busybox-`);
  for (const dir of ['bin', 'etc', 'tmp', 'dev', 'proc', 'sys']) mkdirSync(`${root}/${dir}`);
  copyFileSync('/bin/busybox', `${root}/bin/busybox`);
  const { stdout } = await run('/bin/busybox', ['--list']);
  for (const applet of stdout.split('\n')) if (applet !== '' && applet !== 'busybox') symlinkSync('busybox', `${root}/bin/${applet}`);
  writeFileSync(`${root}/etc/passwd`, 'root:x:0:0:root:/:/bin/sh\nweb:x:1000:1000:web:/tmp:/bin/sh\n');
  writeFileSync(`${root}/etc/group`, 'root:x:0:\nweb:x:1000:\nextra:x:2000:web\n');
  return await dockerArchive(folder, name, [root], {
    Env: ['PATH=/bin', 'GREETING=hello'],
    Cmd: ['sh'],
    WorkingDir: '/',
    StopSignal: 'SIGUSR1',
    ...config,
  });
}
