// Secrets of type kubernetes.io/service-account-token are filled with a token that lives as long as the secret.
import type { Secret, ServiceAccount } from '../../../api/gen/types/core.v1.ts';
import { isStatusError } from '../../../api/meta/index.ts';
import { RESOURCES } from '../../../kit/client/index.ts';
import { done, type Outcome } from '../../../kit/queue/index.ts';
import { CONTROLLER_MANAGER, type Controller, reconcilerOf } from '../controller.ts';

const TYPE = 'kubernetes.io/service-account-token';
const NAME = 'kubernetes.io/service-account.name';
const UID = 'kubernetes.io/service-account.uid';
/** The longest that a token request may ask for: the secret's end is the token's. */
const FOREVER_SECONDS = 2 ** 32;

const base64 = (text: string): string => Buffer.from(text).toString('base64');

export const serviceAccountTokenController: Controller = {
  name: 'serviceaccounttoken',
  user: CONTROLLER_MANAGER,
  start(context, signal, ready) {
    const { client, informers, config } = context;
    const secrets = informers.of<Secret>(RESOURCES.secrets);
    const accounts = informers.of<ServiceAccount>(RESOURCES.serviceaccounts);

    async function newToken(secret: Secret, account: string): Promise<string> {
      const { name, namespace = '', uid } = secret.metadata;
      const boundObjectRef = { apiVersion: 'v1', kind: 'Secret', name, uid };
      const request = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: FOREVER_SECONDS, boundObjectRef },
      };
      const answer = await client.create<{ status: { token: string } }>(RESOURCES.serviceaccounts, request, {
        namespace,
        name: account,
        subresource: 'token',
      });
      return answer.status.token;
    }

    const queue = reconcilerOf('serviceaccounttoken', context, signal, ready, async (key): Promise<Outcome> => {
      const secret = secrets.get(key);
      const name = secret?.metadata.annotations?.[NAME];
      if (!secret || secret.type !== TYPE || !name || secret.metadata.deletionTimestamp) return done;
      const account = accounts.get(`${secret.metadata.namespace}/${name}`);
      const wantedUid = secret.metadata.annotations?.[UID];
      if (!account || (wantedUid && wantedUid !== account.metadata.uid)) {
        // A secret that has had its token goes with its account; one that is new waits for it.
        if (wantedUid) await client.delete(RESOURCES.secrets, secret.metadata.name ?? '', { namespace: secret.metadata.namespace ?? '' });
        return done;
      }
      if (secret.data?.['token'] && secret.data['ca.crt'] && secret.data['namespace'] && wantedUid) return done;
      const data = {
        ...secret.data,
        'ca.crt': base64(config.rootCA),
        namespace: base64(secret.metadata.namespace ?? ''),
        token: secret.data?.['token'] ?? base64(await newToken(secret, name)),
      };
      const annotations = { ...secret.metadata.annotations, [UID]: account.metadata.uid };
      await client.update(RESOURCES.secrets, { ...secret, metadata: { ...secret.metadata, annotations }, data }).catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound')) throw error;
      });
      return done;
    });

    const look = (secret: Secret): void => {
      if (secret.type === TYPE) queue.add(`${secret.metadata.namespace}/${secret.metadata.name}`);
    };
    const lookAtAccount = ({ metadata }: ServiceAccount): void => {
      for (const secret of secrets.list())
        if (secret.metadata.namespace === metadata.namespace && secret.metadata.annotations?.[NAME] === metadata.name) look(secret);
    };
    secrets.on({ added: look, updated: (_, secret) => look(secret) });
    accounts.on({ added: lookAtAccount, deleted: lookAtAccount });
  },
};
