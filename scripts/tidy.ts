// House rules as code: who may import whom, no two folders importing each other, effects only through kit, docs that name real files.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const folders = ['api', 'kit', 'cni', 'control-plane', 'agent', 'rig', 'cli'];

/** What the files of a folder may import, beside their own folder. */
const mayImport: Record<string, readonly string[]> = {
  api: [],
  kit: ['api'],
  cni: ['api', 'kit'],
  'control-plane': ['api', 'kit'],
  agent: ['api', 'kit', 'cni'],
  rig: ['api', 'kit', 'control-plane', 'agent', 'cni'],
  cli: ['api', 'kit', 'rig'],
};
/** Inside a folder: what each part may import of its siblings; parts that are not named may import all. */
const siblings: Record<string, Record<string, readonly string[]>> = {
  'control-plane': { store: [], apiserver: ['store'], scheduler: [], controllers: [] },
  agent: {
    pods: ['cri', 'devices', 'volumes', 'static'],
    devices: [],
    static: [],
    cri: ['runtime', 'images'],
    'cri-grpc': ['cri'],
    'cri-remote': ['cri', 'cri-grpc', 'images'],
    'cri-docker': ['cri', 'images'],
    runtime: [],
    images: [],
    volumes: [],
    proxy: [],
    dns: [],
    node: [],
    stats: ['cri'],
    logs: ['cri'],
    eviction: ['stats'],
    server: ['cri', 'pods', 'stats'],
  },
};
/** Entered past their index.ts: types and data that would otherwise make the index heavy or circular. */
const entries = [
  /^api\/gen\/types\//,
  /^api\/meta\/object\.ts$/,
  /^kit\/client\/client\.ts$/,
  /^agent\/images\/testing\.ts$/,
  /^control-plane\/store\/store\.ts$/,
  /^agent\/cri-grpc\/(wire|words|gen\/types)\.ts$/,
  /^api\/kinds\/kind\.ts$/,
  /^api\/kinds\/core\/pod\/pod\.ts$/,
  /\.contract\.ts$/,
];
/** Effects that only kit may have; cli and tests print. */
const effects: readonly [RegExp, string, RegExp][] = [
  [/\bconsole\.(log|error|warn|info)\(/, 'console', /^(kit|cli)\//],
  [/from 'node:child_process'/, 'node:child_process', /^kit\/exec\//],
  [/\bDate\.now\(/, 'Date.now', /^kit\//],
  [/(?<![\w.])setTimeout\(/, 'setTimeout', /^kit\//],
  [/(?<![\w.])setInterval\(/, 'setInterval', /^kit\//],
];

const problems: string[] = [];

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

const part = (path: string) => path.split('/')[1] ?? '';

function checkImport(file: string, target: string): void {
  const [from = '', to = ''] = [file.split('/')[0], target.split('/')[0]];
  if (!folders.includes(to)) return;
  if (from !== to && !mayImport[from]?.includes(to)) problems.push(`${file}: ${from} may not import ${target}`);
  const [fromPart, toPart] = [part(file), part(target)];
  const inside = from === to && (fromPart === toPart || !target.slice(to.length + 1).includes('/'));
  if (inside) return;
  if (from === to && fromPart !== toPart && file.split('/').length > 2) {
    const allowed = siblings[from]?.[fromPart];
    if (allowed && !allowed.includes(toPart)) problems.push(`${file}: ${from}/${fromPart} may not import ${target}`);
  }
  if (!target.endsWith('/index.ts') && !entries.some((e) => e.test(target)) && target.split('/').length > 2) {
    problems.push(`${file}: enters ${target} past its index.ts`);
  }
}

for (const folder of folders) {
  if (!existsSync(join(root, folder))) continue;
  for (const file of sources(folder)) {
    const text = readFileSync(join(root, file), 'utf8');
    const test = /\.(test|contract)\.ts$/.test(file);
    if (!test && !file.startsWith('api/gen/') && !text.startsWith('//') && !text.startsWith('/**') && !text.startsWith('#!')) {
      problems.push(`${file}: the first line must say the file's one job`);
    }
    for (const match of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      const target = relative(root, resolve(root, dirname(file), match[1]!));
      if (!test) checkImport(file, target);
      if (!existsSync(join(root, target))) problems.push(`${file}: ${match[1]} does not exist`);
    }
    if (test) continue;
    for (const [pattern, name, allowed] of effects) {
      if (pattern.test(text) && !allowed.test(file)) problems.push(`${file}: ${name} belongs in kit`);
    }
  }
}

// Files that the documents name exist, and have what is named of them.
const howTos = readdirSync(join(root, 'docs/how-to')).map((name) => `docs/how-to/${name}`);
for (const doc of ['README.md', 'docs/ARCHITECTURE.md', 'docs/flows.md', 'docs/glossary.md', ...howTos]) {
  for (const match of readFileSync(join(root, doc), 'utf8').matchAll(
    /`((?:api|kit|cni|control-plane|agent|rig|cli|scripts|test|bench|docs)\/[\w./-]*)(?::(\w+))?`/g,
  )) {
    const path = join(root, match[1]!);
    if (!existsSync(path)) problems.push(`${doc}: names ${match[1]}, which does not exist`);
    else if (match[1]!.endsWith('/') && !statSync(path).isDirectory()) problems.push(`${doc}: ${match[1]} is no folder`);
    else if (match[2] && !new RegExp(`\\b${match[2]}\\b`).test(readFileSync(path, 'utf8')))
      problems.push(`${doc}: names ${match[2]} of ${match[1]}, which has none`);
  }
}

// The lock file is the same everywhere, and complete (scripts/lock).
const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages as Record<
  string,
  { resolved?: string; optionalDependencies?: Record<string, string> }
>;
for (const [path, entry] of Object.entries(locked)) {
  if (entry.resolved) problems.push(`package-lock.json: ${path} has an address: run scripts/lock`);
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (!Object.keys(locked).some((other) => other.endsWith(`node_modules/${name}`)))
      problems.push(`package-lock.json: ${name} of ${path} is not locked: run scripts/lock`);
  }
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
