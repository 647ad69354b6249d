// The file of Kubernetes' documentation that the build makes (scripts/build.d): opened when somebody asks, given back when nobody does.
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { type Description, type Descriptions, noDescriptions } from '../../api/wire/index.ts';

/** Beside the bundle; from the sources, in the folder of the bundles. */
const PLACES = ['descriptions.json.br', '../../dist/descriptions.json.br'].map((place) => new URL(place, import.meta.url));

function read(): Map<string, Description> | undefined {
  for (const place of PLACES) {
    let bytes: Buffer;
    try {
      bytes = readFileSync(place);
    } catch {
      continue; // not built: the server works without descriptions
    }
    return new Map(Object.entries(JSON.parse(brotliDecompressSync(bytes).toString()) as Record<string, Description>));
  }
  return undefined;
}

/** Half a megabyte, read in some 6 ms: held weakly, so that it goes when memory is wanted for something else. */
let held: WeakRef<Map<string, Description>> | undefined;
let absent = false;

export function openDescriptions(): Descriptions {
  if (absent) return noDescriptions;
  let all = held?.deref();
  if (all === undefined) {
    all = read();
    absent = all === undefined;
    if (all === undefined) return noDescriptions;
    held = new WeakRef(all);
  }
  const found = all;
  return (definition) => found.get(definition);
}
