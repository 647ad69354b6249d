// Bootstrap tokens end in time, and sign the cluster's public data (ConfigMap cluster-info in kube-public) for those who join.
import type { ConfigMap, Secret } from '../../../api/gen/types/core.v1.ts';
import { isStatusError } from '../../../api/meta/index.ts';
import { RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';
import { expiryOf, signed, signerOf, TYPE } from './tokens.ts';

const NAMESPACE = 'kube-system';
const [INFO_NAMESPACE, INFO_NAME] = ['kube-public', 'cluster-info'];
const CLUSTER_INFO = `${INFO_NAMESPACE}/${INFO_NAME}`;

/** Deletes tokens whose time is over. */
export const tokenCleaner: Controller = {
  name: 'token-cleaner',
  user: account('token-cleaner'),
  start(context, signal, ready) {
    const { client, informers, clock } = context;
    const secrets = informers.of<Secret>(RESOURCES.secrets);
    const queue = reconcilerOf('token-cleaner', context, signal, ready, async (key) => {
      const secret = secrets.get(key);
      const ends = secret?.type === TYPE ? expiryOf(secret) : undefined;
      if (!secret || ends === undefined || Number.isNaN(ends)) return done;
      const left = ends - clock.nowMs();
      if (left > 0) return { retryAfterMs: left };
      const { name = '', namespace = '', uid } = secret.metadata;
      await client.delete(RESOURCES.secrets, name, { namespace, ...(uid ? { preconditions: { uid } } : {}) }).catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound')) throw error;
      });
      return done;
    });
    const seen = ({ metadata, type }: Secret) => {
      if (type === TYPE && metadata.namespace === NAMESPACE) queue.add(`${NAMESPACE}/${metadata.name}`);
    };
    secrets.on({ added: seen, updated: (_, secret) => seen(secret) });
  },
};

/** Keeps cluster-info signed by every token that may sign. */
export const bootstrapSigner: Controller = {
  name: 'bootstrap-signer',
  user: account('bootstrap-signer'),
  start(context, signal, ready) {
    const { client, informers, clock } = context;
    const secrets = informers.of<Secret>(RESOURCES.secrets);
    const maps = informers.of<ConfigMap>(RESOURCES.configmaps, undefined, {
      namespace: INFO_NAMESPACE,
      fieldSelector: `metadata.name=${INFO_NAME}`,
    });
    const queue = reconcilerOf('bootstrap-signer', context, signal, ready, async () => {
      const map = maps.get(CLUSTER_INFO);
      if (!map) return done;
      const nowMs = clock.nowMs();
      const own = secrets.list().filter(({ metadata }) => metadata.namespace === NAMESPACE);
      const data = signed(
        map.data ?? {},
        own.map((secret) => signerOf(secret, nowMs)).filter((one) => one !== undefined),
      );
      if (data) await client.update(RESOURCES.configmaps, { ...map, data });
      return done;
    });
    const seenMap = () => queue.add(CLUSTER_INFO);
    const seenSecret = ({ metadata, type }: Secret) => {
      if (type === TYPE && metadata.namespace === NAMESPACE) queue.add(CLUSTER_INFO);
    };
    maps.on({ added: seenMap, updated: seenMap });
    secrets.on({ added: seenSecret, updated: (_, secret) => seenSecret(secret), deleted: seenSecret });
  },
};
