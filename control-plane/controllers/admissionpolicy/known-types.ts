// Types of what is served: the built-in kinds, and those of CustomResourceDefinitions.
import { type JsonSchema, kindType, schemaType, structOf, type Type } from '../../../api/cel/index.ts';
import { schemaOf } from '../../../api/gen/index.ts';
import type { CustomResourceDefinition } from '../../../api/gen/types/apiextensions.v1.ts';
import { kinds } from '../../../api/kinds/index.ts';
import type { GroupVersionKind } from '../../../api/meta/index.ts';
import type { KnownTypes } from './type-check.ts';

const METADATA = kindType(schemaOf({ group: '', version: 'v1', kind: 'ConfigMap' })!).field!('metadata');

export function knownTypes(definitions: readonly CustomResourceDefinition[]): KnownTypes {
  const versionOf = (group: string, version: string, fits: (crd: CustomResourceDefinition) => boolean) => {
    const crd = definitions.find(({ spec }) => spec.group === group) && definitions.find((one) => one.spec.group === group && fits(one));
    const served = crd?.spec.versions.find((one) => one.name === version && one.served);
    return crd && served ? { crd, served } : undefined;
  };
  return {
    kindOf: (group, version, plural) => {
      const builtIn = kinds.find((kind) => kind.group === group && kind.version === version && kind.plural === plural);
      if (builtIn) return { group, version, kind: builtIn.kind };
      const custom = versionOf(group, version, ({ spec }) => spec.names.plural === plural);
      return custom && { group, version, kind: custom.crd.spec.names.kind };
    },
    typeOf: ({ group, version, kind }: GroupVersionKind) => {
      const schema = schemaOf({ group, version, kind });
      if (schema) return kindType(schema, kind);
      const custom = versionOf(group, version, ({ spec }) => spec.names.kind === kind);
      const structure = custom?.served.schema?.openAPIV3Schema as JsonSchema | undefined;
      return structure && customType(structure, kind);
    },
  };
}

/** With all of metadata, unlike what rules of the definition itself see. */
function customType(schema: JsonSchema, kind: string): Type | undefined {
  const type = schemaType(schema, true, kind)?.type;
  return type && structOf(kind, (field) => (field === 'metadata' ? METADATA : type.field?.(field)));
}
