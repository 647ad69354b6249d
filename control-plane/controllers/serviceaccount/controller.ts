// Each namespace that is not going has a service account `default`.
import type { Namespace, ServiceAccount } from '../../../api/gen/types/core.v1.ts';
import { isStatusError } from '../../../api/meta/index.ts';
import { RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';

const NAME = 'default';

export const serviceAccountController: Controller = {
  name: 'serviceaccount',
  user: account('service-account-controller'),
  start(context, signal, ready) {
    const { client, informers } = context;
    const namespaces = informers.of<Namespace>(RESOURCES.namespaces);
    const accounts = informers.of<ServiceAccount>(RESOURCES.serviceaccounts);
    const queue = reconcilerOf('serviceaccount', context, signal, ready, async (name) => {
      const namespace = namespaces.get(name);
      if (!namespace || namespace.metadata.deletionTimestamp || accounts.get(`${name}/${NAME}`)) return done;
      await client
        .create(RESOURCES.serviceaccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace: name } })
        .catch((error: unknown) => {
          if (!isStatusError(error, 'AlreadyExists') && !isStatusError(error, 'Forbidden')) throw error;
        });
      return done;
    });
    namespaces.on({
      added: ({ metadata }) => queue.add(metadata.name ?? ''),
      updated: (_, { metadata }) => queue.add(metadata.name ?? ''),
    });
    accounts.on({ deleted: ({ metadata }) => metadata.name === NAME && queue.add(metadata.namespace ?? '') });
  },
};
