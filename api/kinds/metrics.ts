// metrics.k8s.io: what nodes and pods use, measured when it is asked for; nothing of it is stored.
import { ageColumn, nameColumn } from './columns.ts';
import type { Column, Kind } from './kind.ts';

const common = {
  group: 'metrics.k8s.io',
  version: 'v1beta1',
  singular: '',
  shortNames: [],
  categories: [],
  subresources: [],
  virtual: true,
};
const verbs = ['get', 'list'];

const used = (name: string): Column => ({ name, type: 'string', of: (object) => object['usage']?.[name] ?? '' });

/** Served beside the built-in kinds; they have no schema, as nobody sends them. */
export const metricsKinds: readonly Kind[] = [
  {
    ...common,
    kind: 'NodeMetrics',
    plural: 'nodes',
    namespaced: false,
    verbs,
    columns: [nameColumn, used('cpu'), used('memory'), { name: 'Window', type: 'string', of: (object) => object['window'] }],
  },
  { ...common, kind: 'PodMetrics', plural: 'pods', namespaced: true, verbs, columns: [nameColumn, ageColumn] },
];
