// /healthz, /livez, /readyz: named checks, with ?verbose and ?exclude as upstream has them.
import type { ApiRequest, ApiResponse } from './request.ts';

/** Throws when it does not hold. */
export type Check = () => Promise<void> | void;

const text = (status: number, body: string): ApiResponse => ({ status, headers: { 'x-content-type-options': 'nosniff' }, body });

export function healthPaths(
  checks: Readonly<Record<string, Check>>,
  readyOnly: readonly string[],
): Record<string, (request: ApiRequest) => Promise<ApiResponse>> {
  const paths: Record<string, (request: ApiRequest) => Promise<ApiResponse>> = {};
  for (const root of ['healthz', 'livez', 'readyz']) {
    const names = Object.keys(checks).filter((name) => root === 'readyz' || !readyOnly.includes(name));
    const all = (request: ApiRequest) => runChecks(root, names, checks, request);
    paths[`/${root}`] = all;
    paths[`/${root}/`] = async (request) => {
      const name = request.path.slice(root.length + 2);
      if (name === '') return all(request);
      if (!names.includes(name)) return text(404, '404 page not found\n');
      return (await failure(checks[name]!)) === undefined
        ? text(200, 'ok')
        : text(500, `internal server error: ${await failure(checks[name]!)}\n`);
    };
  }
  return paths;
}

async function runChecks(
  root: string,
  names: readonly string[],
  checks: Readonly<Record<string, Check>>,
  request: ApiRequest,
): Promise<ApiResponse> {
  const excluded = new Set(request.query.getAll('exclude'));
  const lines: string[] = [];
  let failed = false;
  for (const name of names) {
    if (excluded.has(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    const why = await failure(checks[name]!);
    if (why === undefined) lines.push(`[+]${name} ok`);
    else {
      failed = true;
      lines.push(`[-]${name} failed: reason withheld`);
    }
  }
  if (failed) return text(500, `${lines.join('\n')}\n${root} check failed\n`);
  return request.query.has('verbose') ? text(200, `${lines.join('\n')}\n${root} check passed\n`) : text(200, 'ok');
}

async function failure(check: Check): Promise<string | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
