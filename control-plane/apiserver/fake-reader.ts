// A Reader over a list of objects, for tests of stages and plug-ins.
import { type KubeObject, parseApiVersion } from '../../api/meta/index.ts';
import type { Reader } from './request.ts';

/** Plural from the kind by the rules that built-in kinds follow. */
const pluralOf = (kind: string): string => {
  const lower = kind.toLowerCase();
  if (lower.endsWith('s')) return `${lower}es`;
  return lower.endsWith('y') ? `${lower.slice(0, -1)}ies` : `${lower}s`;
};

export function fakeReader(objects: readonly KubeObject[]): Reader {
  const of = (resource: { group: string; plural: string }, namespace: string | undefined): KubeObject[] =>
    objects.filter(
      (object) =>
        parseApiVersion(object.apiVersion ?? 'v1').group === resource.group &&
        pluralOf(object.kind ?? '') === resource.plural &&
        (namespace === undefined || (object.metadata.namespace ?? '') === namespace),
    );
  const get = (resource: { group: string; plural: string }, namespace: string, name: string): KubeObject | undefined =>
    of(resource, namespace).find((object) => object.metadata.name === name);
  const podsOf = (node: string) => of({ group: '', plural: 'pods' }, undefined).filter((pod) => pod['spec']?.nodeName === node);
  return { get, list: of, version: () => 0, podsOf, getFresh: async (resource, namespace, name) => get(resource, namespace, name) };
}
