#!/usr/bin/env node
// The executable of the CNI spec: configuration on stdin, CNI_* in the environment, the answer on stdout.
import { text } from 'node:stream/consumers';
import { homeFirst } from '../kit/linux/index.ts';
import { runPlugin, SUPPORTED_VERSIONS } from './plugin.ts';
import { CNI_ERROR, CniError } from './result.ts';

try {
  await homeFirst();
  const config = process.env['CNI_COMMAND'] === 'VERSION' ? '' : await text(process.stdin);
  const answer = await runPlugin(process.env, config);
  if (answer) process.stdout.write(`${JSON.stringify(answer)}\n`);
} catch (error) {
  const known = error instanceof CniError ? error : new CniError(CNI_ERROR.failed, error instanceof Error ? error.message : String(error));
  const body = {
    cniVersion: SUPPORTED_VERSIONS.at(-1),
    code: known.code,
    msg: known.message,
    ...(known.details ? { details: known.details } : {}),
  };
  process.stdout.write(`${JSON.stringify(body)}\n`);
  process.exitCode = 1;
}
