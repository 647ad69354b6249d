// The admin's kubeconfig of a cluster.
import { readFileIfExists } from '../kit/fs/index.ts';
import { layoutOf } from './layout.ts';
import { existing } from './status.ts';

/** Its text. @throws Error when there is no such cluster */
export async function kubeconfig(name: string): Promise<string> {
  const text = await readFileIfExists(layoutOf((await existing(name)).name).kubeconfig);
  if (text === undefined) throw new Error(`cluster ${name} has no kubeconfig yet: wherry up --name ${name}`);
  return text;
}
