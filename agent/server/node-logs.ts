// GET /logs/…: the node's own log folder, files as they are and folders as links. Nothing outside of the folder is shown.
import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HttpError } from './http-error.ts';

/** `roots`: the folder that is shown, and folders that links in it may lead to. @throws HttpError 404 */
export async function nodeLogs(roots: readonly string[], path: string, response: ServerResponse): Promise<void> {
  const [root = '/'] = roots;
  const there = await realpath(join(root, path)).catch(() => {
    throw new HttpError(404, '404 page not found');
  });
  const allowed = await Promise.all(roots.map((folder) => realpath(folder).catch(() => folder)));
  if (!allowed.some((folder) => there === folder || there.startsWith(folder + sep))) throw new HttpError(404, '404 page not found');
  const found = await stat(there);
  if (found.isDirectory()) {
    const entries = await readdir(there, { withFileTypes: true });
    const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
    const links = names.map((name) => `<a href="${encodeURIComponent(name).replaceAll('%2F', '/')}">${escaped(name)}</a>\n`);
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(`<!doctype html>\n<pre>\n${links.join('')}</pre>\n`);
    return;
  }
  if (!found.isFile()) throw new HttpError(404, '404 page not found'); // a pipe would wait for ever
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': found.size });
  // A log that grows meanwhile: as much as was promised.
  await pipeline(createReadStream(there, found.size > 0 ? { end: found.size - 1 } : {}), response);
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
