// An image of 200 MB from a registry on loopback, pulled and unpacked: wherry and containerd through their sockets, and skopeo with umoci.
// The order of the three turns with each round; each starts without the image.
import { randomFillSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dockerArchive } from '../agent/images/testing.ts';
import { run } from '../kit/exec/index.ts';
import { removeTree } from '../kit/linux/index.ts';
import { cleanUp, containerd, missing, REGISTRY, type Runtime, registry, wherry, work } from './cri-runtimes.ts';
import { reportSamples, timed } from './measure.ts';

const ROUNDS = Number(process.env['WHERRY_BENCH_ROUNDS'] ?? 5);
const LAYERS = 4;
const FILES = 500;
const FILE_BYTES = 100_000;
const TIMEOUT_MS = 300_000;
const IMAGE = `${REGISTRY}/big:1`;

/** As programs are: half of it repeats itself, half does not compress. */
function layer(index: number): string {
  const folder = `${work}/layer-${index}`;
  mkdirSync(folder);
  const content = Buffer.alloc(FILE_BYTES, 'wherry ');
  for (let file = 0; file < FILES; file++) {
    randomFillSync(content, 0, FILE_BYTES / 2);
    writeFileSync(`${folder}/${index}-${file}`, content);
  }
  return folder;
}

interface Puller {
  name: string;
  pull(): Promise<unknown>;
  forget(): Promise<unknown>;
}

const throughCri = (runtime: Runtime): Puller => ({
  name: runtime.name,
  pull: () => runtime.call('ImageService', 'PullImage', { image: { image: IMAGE } }),
  forget: () => runtime.call('ImageService', 'RemoveImage', { image: { image: IMAGE } }),
});

const tools: Puller = {
  name: 'skopeo + umoci',
  async pull() {
    mkdirSync(`${work}/tools`);
    const flags = ['--quiet', '--insecure-policy', '--src-tls-verify=false'];
    await run('skopeo', ['copy', ...flags, `docker://${IMAGE}`, `oci:${work}/tools/layout:1`], { timeoutMs: TIMEOUT_MS });
    await run('umoci', ['unpack', '--image', `${work}/tools/layout:1`, `${work}/tools/bundle`], { timeoutMs: TIMEOUT_MS });
  },
  forget: () => removeTree(`${work}/tools`),
};

try {
  const lacking = await missing('docker-registry', 'skopeo');
  if (lacking.length > 0) throw new Error(`not installed: ${lacking.join(', ')}`);
  const layers = Array.from({ length: LAYERS }, (_, index) => layer(index));
  await registry({ 'big:1': await dockerArchive(work, 'big:1', layers, { Cmd: ['true'] }) });
  const other = await containerd(IMAGE);
  const hasUmoci = (await missing('umoci')).length === 0;
  for (const [name, is] of Object.entries({ 'containerd with its network plugins': other, umoci: hasUmoci }))
    if (!is) process.stderr.write(`${name} is not installed: left out\n`);
  const pullers = [throughCri(await wherry()), ...(other ? [throughCri(other)] : []), ...(hasUmoci ? [tools] : [])];
  const samples = new Map(pullers.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (let turn = 0; turn < pullers.length; turn++) {
      const puller = pullers[(round + turn) % pullers.length]!;
      samples.get(puller.name)!.push(await timed(() => puller.pull()));
      await puller.forget();
    }
  }
  for (const [name, ms] of samples) reportSamples('images', `${name}: pull and unpack ${(LAYERS * FILES * FILE_BYTES) / 1e6} MB`, ms);
} finally {
  await cleanUp();
}
process.exit();
