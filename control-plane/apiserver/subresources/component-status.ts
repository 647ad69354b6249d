// componentstatuses: a deprecated, virtual kind. All parts live in this process: they are well when it answers.
import { type KubeObject, notFound } from '../../../api/meta/index.ts';
import { ListBody } from '../bodies.ts';
import type { SubresourceHandler } from '../handlers.ts';
import { selectionOf } from '../selection.ts';
import type { CoreContext } from './context.ts';

const component = (name: string): KubeObject => ({
  kind: 'ComponentStatus',
  apiVersion: 'v1',
  metadata: { name, creationTimestamp: null },
  conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }],
});

const COMPONENTS = ['controller-manager', 'etcd-0', 'scheduler'].map(component);

export const componentStatus: SubresourceHandler = {
  async get(context) {
    const found = COMPONENTS.find((object) => object.metadata.name === context.name);
    if (!found) throw notFound({ group: '', plural: 'componentstatuses' }, context.name);
    return { status: 200, body: found };
  },
  async list(context) {
    const { target, request } = context as CoreContext;
    const selection = selectionOf(target, request.query);
    return {
      status: 200,
      body: new ListBody(
        target.served,
        {},
        COMPONENTS.filter((object) => selection.matches(object)),
      ),
    };
  },
};
