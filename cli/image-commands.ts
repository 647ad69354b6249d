// wherry load, save, build, images and image: what the nodes have to run.
import { type Command, InvalidArgumentError, Option } from 'commander';
import * as rig from '../rig/index.ts';
import { Interrupted } from './arguments.ts';
import { table } from './table.ts';

const print = (text: string): void => void process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
const tell = (text: string): void => void process.stderr.write(`${text}\n`);
/** An option that may be given several times. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value];

const credentials = (text: string): { username: string; password: string } => {
  const colon = text.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError('expected USER:PASSWORD.');
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
};

/** `docker.io=http://127.0.0.1:5000`, several times. */
export const mirror = (text: string, before: Record<string, string[]> = {}): Record<string, string[]> => {
  const [, registry = '', endpoint = ''] = /^([^=]+)=(https?:\/\/[^/]+)\/?$/.exec(text) ?? [];
  if (registry === '') throw new InvalidArgumentError('expected REGISTRY=URL, e.g. docker.io=http://127.0.0.1:5000.');
  return { ...before, [registry]: [...(before[registry] ?? []), endpoint] };
};

export function addImageCommands(program: Command, named: (command: Command) => Command): void {
  named(program.command('images'))
    .description('images that the nodes have')
    .action(async ({ name }) => listing(await rig.images(name)));
  named(
    program
      .command('load')
      .argument('<archive>', 'docker-archive or OCI layout: a tar (also gzip, zstd), a folder, or - for standard input'),
  )
    .description('give the nodes images from an archive')
    .action(async (archive, { name }) => {
      for (const loaded of await rig.load(name, archive)) print(`loaded ${loaded}`);
    });
  program
    .command('save')
    .argument('<image...>')
    .description('write images of the nodes into an archive')
    .option('-o, --output <file>', 'file to write instead of standard output')
    .addOption(new Option('--format <format>', 'what to write').choices(['docker', 'oci']).default('docker'))
    .action(async (names, { output, format }) => {
      if (output === undefined && process.stdout.isTTY) throw new Error('an archive is nothing for a terminal: use -o FILE or redirect it');
      await rig.saveImages(names, output, format);
    });
  program
    .command('build')
    .argument('[context]', 'folder with the files of the build', '.')
    .description('build an image for the nodes from a Dockerfile (needs buildah)')
    .requiredOption('-t, --tag <name>', 'name of the image')
    .option('-f, --file <file>', 'instead of Containerfile or Dockerfile of the folder')
    .option('--target <stage>', 'stage to build')
    .option('--build-arg <name=value>', 'argument of the Dockerfile', collect)
    .option('--no-cache', 'build all steps again')
    .action(async (context, { tag, file, target, buildArg, cache }) => {
      const options = { context, tag, noCache: !cache, ...(file ? { file } : {}), ...(target ? { target } : {}) };
      for (const built of await rig.buildImage({ ...options, buildArgs: buildArg ?? [] })) print(`built ${built}`);
    });
  addManagement(program.command('image').description('images of all clusters of this machine'));
}

function addManagement(image: Command): void {
  image
    .command('ls')
    .description('list them')
    .action(async () =>
      listing(
        (await rig.listImages()).flatMap(({ id, tags, digests, sizeBytes }) =>
          (tags.length > 0 ? tags : digests.length > 0 ? digests : ['<none>']).map((name) => ({
            name,
            id,
            size: `${(sizeBytes / 1e6).toFixed(1)} MB`,
          })),
        ),
      ),
    );
  image
    .command('pull')
    .argument('<image>')
    .description("pull an image with this machine's network")
    .option('--creds <user:password>', 'credentials for the registry', credentials)
    .option('--mirror <registry=url>', 'registry to ask first; may be given several times', mirror)
    .option('--insecure-registry <host:port>', 'registry without TLS; loopback needs no such word', collect)
    .option('--registry-certs <folder>', 'certificates for registries, HOST[:PORT]/ca.crt (default /etc/wherry/certs.d)')
    .action(async (name, { creds, mirror: mirrors, insecureRegistry, registryCerts }) => {
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort(new Interrupted()));
      const id = await rig.pullForNodes(name, {
        ...(creds ? { auth: creds } : {}),
        ...(mirrors ? { mirrors } : {}),
        ...(insecureRegistry ? { insecureRegistries: insecureRegistry } : {}),
        ...(registryCerts ? { certsDir: registryCerts } : {}),
        onMirrorFailure: (mirror, error) => tell(`${mirror} could not help: ${error instanceof Error ? error.message : String(error)}`),
        signal: stop.signal,
        onProgress: ({ digest, state, size }) => {
          if (state !== 'downloading')
            tell(`${digest.slice(7, 19)}: ${state === 'done' ? `pulled ${(size / 1e6).toFixed(1)} MB` : 'exists'}`);
        },
      });
      print(id);
    });
  image
    .command('rm')
    .argument('<image...>', 'names or ids')
    .description('remove images that no container runs')
    .action(async (names) => {
      for (const name of names) {
        await rig.removeImage(name);
        print(`removed ${name}`);
      }
    });
  image
    .command('prune')
    .description('remove images without a tag that no container runs, and layers that no image needs')
    .option('-a, --all', 'also those with a tag, but for the ones that came with wherry')
    .action(async ({ all }) => {
      const { images, layers } = await rig.pruneImages(all === true);
      for (const name of images) print(`removed ${name}`);
      print(`${images.length} image(s) and ${layers} further layer(s) removed`);
    });
}

const listing = (rows: readonly { name: string; id: string; size: string }[]): void =>
  print(
    table(
      ['IMAGE', 'ID', 'SIZE'],
      rows.map((row) => [row.name, row.id.slice(0, 19), row.size]),
    ),
  );
