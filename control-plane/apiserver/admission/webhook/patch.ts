// A mutating webhook's patch on the object in the version that it saw.
import { deepCopy, internalError, type KubeObject, readJson } from '../../../../api/meta/index.ts';
import { jsonPatch } from '../../../../api/patch/index.ts';
import { HookFailure } from './errors.ts';
import type { Hook } from './hooks.ts';
import type { Verdict } from './review.ts';

/** The decoded operations; undefined when nothing is to be changed. Throws HookFailure. */
export function operationsOf(hook: Hook, { patch, patchType }: Verdict): unknown[] | undefined {
  if (!patch) return undefined;
  let operations: unknown;
  try {
    operations = readJson(Buffer.from(patch, 'base64').toString());
    if (!Array.isArray(operations)) throw new Error('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  } catch (error) {
    throw new HookFailure(hook.name, `received undecodable patch in webhook response: ${(error as Error).message}`);
  }
  if (operations.length === 0) return undefined;
  if (patchType !== 'JSONPatch') throw new HookFailure(hook.name, `unsupported patch type ${JSON.stringify(patchType)}`);
  return operations;
}

/** A new object. Throws 500 when there is no object, or the patch does not fit it. */
export function patched(hook: Hook, object: KubeObject | undefined, operations: unknown[]): KubeObject {
  if (object === undefined) {
    const name = JSON.stringify(hook.name);
    throw internalError(`admission webhook ${name} attempted to modify the object, which is not supported for this operation`);
  }
  try {
    return jsonPatch(deepCopy(object), operations);
  } catch (error) {
    throw internalError((error as Error).message);
  }
}
