// The query of exec, attach, port-forward and proxy as the object that admission sees (PodExecOptions and its like).
import { schemaOf } from '../../../api/gen/index.ts';
import { apiVersionOf, type GroupVersionKind, type KubeObject } from '../../../api/meta/index.ts';
import type { ApiRequest } from '../request.ts';
import { isTrue } from '../requestinfo.ts';

/** Fields are named as their query parameters; a proxied path is what follows the sub-resource. */
export function connectOptions({ query, info }: Pick<ApiRequest, 'query' | 'info'>, wanted: GroupVersionKind): KubeObject {
  const options: Record<string, unknown> = { kind: wanted.kind, apiVersion: apiVersionOf(wanted) };
  for (const [name, field] of Object.entries(schemaOf(wanted)?.root.fields ?? {})) {
    const values = query.getAll(name);
    if (name === 'path' && info.rest !== '') options[name] = info.rest;
    if (values.length === 0 || name === 'kind' || name === 'apiVersion' || name === 'path') continue;
    if (field.type === 'boolean') {
      if (isTrue(values[0])) options[name] = true;
    } else if (field.type === 'array') options[name] = field.items?.type === 'integer' ? values.map(Number) : values;
    else options[name] = field.type === 'integer' ? Number(values[0]) : values[0];
  }
  return options as unknown as KubeObject;
}
