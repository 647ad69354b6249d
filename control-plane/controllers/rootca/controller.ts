// Each namespace that is not going has the cluster's root certificate in a ConfigMap, for pods that talk to the API.
import type { ConfigMap, Namespace } from '../../../api/gen/types/core.v1.ts';
import { isStatusError } from '../../../api/meta/index.ts';
import { RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';

const NAME = 'kube-root-ca.crt';
const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

export const rootCAController: Controller = {
  name: 'rootca',
  user: account('root-ca-cert-publisher'),
  start(context, signal, ready) {
    const { client, informers, config } = context;
    const namespaces = informers.of<Namespace>(RESOURCES.namespaces);
    const maps = informers.of<ConfigMap>(RESOURCES.configmaps, undefined, { fieldSelector: `metadata.name=${NAME}` });
    const queue = reconcilerOf('rootca', context, signal, ready, async (name) => {
      const namespace = namespaces.get(name);
      if (!namespace || namespace.metadata.deletionTimestamp) return done;
      const present = maps.get(`${name}/${NAME}`);
      const data = { 'ca.crt': config.rootCA };
      const annotations = { 'kubernetes.io/description': DESCRIPTION };
      const wanted = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: NAME, namespace: name, annotations }, data };
      if (!present) {
        await client.create(RESOURCES.configmaps, wanted).catch((error: unknown) => {
          if (!isStatusError(error, 'AlreadyExists') && !isStatusError(error, 'Forbidden')) throw error;
        });
      } else if (present.data?.['ca.crt'] !== config.rootCA || Object.keys(present.data).length !== 1) {
        await client.update(RESOURCES.configmaps, {
          ...present,
          ...wanted,
          metadata: { ...present.metadata, annotations: { ...present.metadata.annotations, ...annotations } },
        });
      }
      return done;
    });
    namespaces.on({
      added: ({ metadata }) => queue.add(metadata.name ?? ''),
      updated: (_, { metadata }) => queue.add(metadata.name ?? ''),
    });
    const seen = ({ metadata }: ConfigMap) => queue.add(metadata.namespace ?? '');
    maps.on({ updated: (_, map) => seen(map), deleted: seen });
  },
};
