// A pod's service account, for programs that give credentials in its name.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import type { PodAccount } from '../cri/index.ts';
import type { Tokens } from '../volumes/index.ts';

/** As the API's default for a TokenRequest. */
const TOKEN_SECONDS = 3600;

/** Undefined: the pod has none, as pods of files. */
export function podAccount(client: Client, tokens: Pick<Tokens, 'get'>, pod: Pod): PodAccount | undefined {
  const { namespace = '' } = pod.metadata;
  const name = pod.spec?.serviceAccountName;
  if (!name) return undefined;
  return {
    namespace,
    name,
    async read() {
      const { metadata } = await client.get<KubeObject>(RESOURCES.serviceaccounts, name, { namespace });
      return { uid: metadata.uid ?? '', annotations: metadata.annotations ?? {} };
    },
    token: async (audience) => (await tokens.get(pod, { audience, expirationSeconds: TOKEN_SECONDS })).text,
  };
}
