// Bundles each program into one file (dist/<program>.js) and warms Node's compile cache for it.
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { build, type Plugin } from 'esbuild';
import { run } from '../kit/exec/index.ts';
import { nodeOptions } from '../rig/programs.ts';
import { writeDescriptions } from './build.d/write-descriptions.ts';

const root = new URL('..', import.meta.url).pathname;
const programs = [
  { name: 'control-plane', entry: 'control-plane/main.ts' },
  { name: 'agent', entry: 'agent/main.ts' },
  { name: 'cri', entry: 'agent/cri-main.ts' },
  { name: 'cni', entry: 'cni/main.ts' },
  // Last: scripts/wherry compares sources with this file.
  { name: 'wherry', entry: 'cli/main.ts' },
].filter((program) => existsSync(root + program.entry));

/** Native or lazily needed packages stay outside of the bundles and are found in node_modules. */
const external = [
  'koffi',
  'netlink',
  'esbuild',
  'lmdb',
  'dockerode',
  '@opentelemetry/sdk-trace',
  '@opentelemetry/resources',
  '@opentelemetry/exporter-trace-otlp-http',
];

/**
 * Node's own modules are taken as objects instead of being imported: an import reads each export once, which makes node:http load
 * its WebSocket (and with it all of undici), 30 ms that no program of ours needs. Of such an object only the names that somebody imports
 * are read. What asks by `require` gets the object itself; an import of that would make a copy with a getter for each name, in every
 * file that imports: 16,000 functions in the agent.
 */
const builtins: Plugin = {
  name: 'builtins',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) => ({
      path,
      namespace: kind === 'import-statement' ? 'builtin' : 'required-builtin',
    }));
    build.onLoad({ filter: /.*/, namespace: 'required-builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}');`,
    }));
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => {
      const names = Object.getOwnPropertyNames(process.getBuiltinModule(path)).filter(
        (name) => name !== 'default' && /^[a-z]\w*$/i.test(name),
      );
      const contents = [
        `const builtin = process.getBuiltinModule('${path}');`,
        'const read = (name) => builtin[name];',
        'export default builtin;',
        // A pure call is left out when nobody imports what it gives.
        ...names.map((name) => `const of_${name} = /* @__PURE__ */ read('${name}'); export { of_${name} as ${name} };`),
      ];
      return { contents: contents.join('\n') };
    });
  },
};

await mkdir(`${root}dist`, { recursive: true });
for (const { name, entry } of programs) {
  const target = `${root}dist/${name}.js`;
  await build({
    entryPoints: [root + entry],
    outfile: `${target}.new`,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external,
    plugins: [builtins],
    sourcemap: false,
    legalComments: 'none',
    banner: {
      js: "import { createRequire as wherryCreateRequire } from 'node:module'; const require = wherryCreateRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  await rename(`${target}.new`, target); // whole or old, also when two builds run at once
}
const cache = `${root}dist/.compile-cache`;
await rm(cache, { recursive: true, force: true });
for (const { name } of programs.filter((p) => p.name !== 'cni')) {
  // Each program answers --warm by loading all that it needs to start, then leaving: Node writes the cache on exit.
  await run(process.execPath, [...nodeOptions(name), `${root}dist/${name}.js`, '--warm'], {
    env: { NODE_COMPILE_CACHE: cache },
    timeoutMs: 60_000,
  });
}
if (!(await writeDescriptions(root))) console.log('no descriptions: the packages that hold them are not installed');
console.log(`built ${programs.map((p) => p.name).join(', ')}`);
