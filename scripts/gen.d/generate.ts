// Runs the Go exporter over the modules and writes, or compares, the generated files: api/gen, and the messages of CRI, CSI and device plugins.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { criFiles } from './cri.ts';
import { type Export, Model } from './model.ts';
import { MODULES, PACKAGES, SUPPORT, VERSION } from './names.ts';
import { protobufFile, schemaFile } from './schema.ts';
import { csiDescriptor, devicePluginDescriptor, podResourcesDescriptor, registrationDescriptor } from './services.ts';
import { typesFile } from './types.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
/** Of the specification; drivers of older ones are spoken to the same way. */
const CSI_VERSION = 'v1.11.0';
const ROOT = join(HERE, '../..');

/** Returns the exit code: 0 fine, 1 stale, 3 when there is no `go`, or it cannot get the modules. */
export function generate(check: boolean): number {
  if (!hasGo()) {
    process.stderr.write('gen: skipped, `go` is not installed\n');
    return 3;
  }
  const facts = exported();
  const cri = directoryOf('k8s.io/cri-api');
  const csi = directoryOf('github.com/container-storage-interface/spec', CSI_VERSION);
  const kubelet = directoryOf('k8s.io/kubelet');
  if (!facts || !cri || !csi || !kubelet) return 3;
  const model = new Model(facts);
  const files = new Map<string, string>();
  files.set('api/gen/schema.json', lines(schemaFile(model)));
  files.set('api/gen/protobuf.json', lines({ messages: protobufFile(model) }));
  for (const [pkg, name] of Object.entries(PACKAGES)) files.set(`api/gen/types/${name}.ts`, typesFile(model, pkg));
  const { descriptor, types } = criFiles(cri);
  files.set('agent/cri-grpc/gen/api.json', descriptor);
  files.set('agent/cri-grpc/gen/types.ts', types);
  files.set('agent/volumes/csi/gen/csi.json', csiDescriptor(csi));
  files.set('agent/volumes/csi/gen/registration.json', registrationDescriptor(kubelet));
  files.set('agent/devices/gen/device-plugin.json', devicePluginDescriptor(kubelet));
  files.set('agent/devices/gen/pod-resources.json', podResourcesDescriptor(kubelet));
  const stale = [...files].filter(([name, text]) => !existsSync(join(ROOT, name)) || readFileSync(join(ROOT, name), 'utf8') !== text);
  for (const [name, text] of stale) {
    process.stdout.write(`${check ? 'stale' : 'wrote'} ${name}\n`);
    if (check) continue;
    mkdirSync(dirname(join(ROOT, name)), { recursive: true });
    writeFileSync(join(ROOT, name), text);
  }
  return check && stale.length ? 1 : 0;
}

function hasGo(): boolean {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function exported(): Export | undefined {
  const modules: string[] = [];
  for (const module of MODULES) {
    const dir = directoryOf(module);
    if (dir === undefined) return undefined;
    modules.push(`${module}=${dir}`);
  }
  const args = ['run', '.', ...modules, ...Object.keys(PACKAGES), ...SUPPORT];
  return JSON.parse(execFileSync('go', args, { encoding: 'utf8', cwd: join(HERE, 'export'), maxBuffer: 1 << 28 })) as Export;
}

/** Where the module's source lies; undefined, with a word on stderr, when it can be neither found nor fetched. */
function directoryOf(module: string, version = VERSION): string | undefined {
  try {
    const answer = execFileSync('go', ['mod', 'download', '-json', `${module}@${version}`], {
      encoding: 'utf8',
      cwd: join(HERE, 'export'),
    });
    return (JSON.parse(answer) as { Dir: string }).Dir;
  } catch (error) {
    process.stderr.write(`gen: skipped, no source of ${module}@${version}: ${(error as Error).message}\n`);
    return undefined;
  }
}

/** One entry a line, so that a change shows as a small difference. */
function lines(file: Record<string, unknown>): string {
  const sections = Object.entries(file).map(([name, entries]) => {
    const rows = Object.entries(entries as object).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    return `${JSON.stringify(name)}:{\n${rows.join(',\n')}\n}`;
  });
  return `{${sections.join(',\n')}}\n`;
}
