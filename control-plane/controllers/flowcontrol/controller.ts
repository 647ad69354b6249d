// Keeps the cluster's own priority levels and flow schemas, and says of each schema whether the level that it names exists.
import type { FlowSchema, PriorityLevelConfiguration } from '../../../api/gen/types/flowcontrol.v1.ts';
import { flowControlObjects, isMandatoryFlow } from '../../../api/kinds/index.ts';
import { isStatusError, type KubeObject, semanticEqual } from '../../../api/meta/index.ts';
import { keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import { API_SERVER, type Controller, reconcilerOf } from '../controller.ts';

const AUTO_UPDATE = 'apf.kubernetes.io/autoupdate-spec';

/** The exempt level's own numbers may be chosen. */
const isOpen = ({ kind, metadata }: KubeObject): boolean => kind === 'PriorityLevelConfiguration' && metadata.name === 'exempt';

export function dangling(levelName: string, exists: boolean): { status: string; reason: string; message: string } {
  const text = `This FlowSchema references the PriorityLevelConfiguration object named "${levelName}"`;
  return exists
    ? { status: 'False', reason: 'Found', message: `${text} and it exists` }
    : { status: 'True', reason: 'NotFound', message: `${text} but there is no such object` };
}

/** The object to write, undefined when what is there is right or somebody took it over: mandatory ones nobody can. */
export function restored(wanted: KubeObject, found: KubeObject | undefined): KubeObject | undefined {
  if (!found) return wanted;
  const isOurs = isMandatoryFlow(wanted) ? !isOpen(wanted) : found.metadata.annotations?.[AUTO_UPDATE] === 'true';
  if (!isOurs || found.metadata.deletionTimestamp || semanticEqual(found['spec'], wanted['spec'])) return undefined;
  return { ...found, apiVersion: wanted.apiVersion as string, kind: wanted.kind as string, spec: wanted['spec'] };
}

export const flowControlController: Controller = {
  name: 'flowcontrol',
  user: API_SERVER,
  start(context, signal, ready) {
    const { client, informers, clock } = context;
    const schemas = informers.of<FlowSchema>(RESOURCES.flowschemas);
    const levels = informers.of<PriorityLevelConfiguration>(RESOURCES.prioritylevelconfigurations);

    const tell = reconcilerOf('flowschema-status', context, signal, ready, async (name) => {
      const schema = schemas.get(name);
      if (!schema) return done;
      const level = schema.spec?.priorityLevelConfiguration.name ?? '';
      const next = dangling(level, levels.get(level) !== undefined);
      const told = schema.status?.conditions?.find(({ type }) => type === 'Dangling');
      if (told && told.status === next.status && told.reason === next.reason && told.message === next.message) return done;
      const lastTransitionTime = told?.status === next.status ? told.lastTransitionTime : rfc3339(clock.nowMs());
      const status = { conditions: [{ type: 'Dangling', ...next, lastTransitionTime }] };
      await client.patch(RESOURCES.flowschemas, name, 'strategic', { status }, { subresource: 'status' });
      return done;
    });
    const keep = reconcilerOf('flowcontrol-objects', context, signal, ready, async (key) => {
      const [kind, name] = key.split('/');
      const wanted = flowControlObjects.find((object) => object.kind === kind && object.metadata.name === name);
      if (!wanted) return done;
      const found = kind === 'FlowSchema' ? schemas.get(name as string) : levels.get(name as string);
      const next = restored(wanted, found as KubeObject | undefined);
      if (!next) return done;
      const resource = kind === 'FlowSchema' ? RESOURCES.flowschemas : RESOURCES.prioritylevelconfigurations;
      if (found) await client.update(resource, next);
      else
        await client.create(resource, next).catch((error: unknown) => {
          if (!isStatusError(error, 'AlreadyExists')) throw error;
        });
      return done;
    });

    const schemaSeen = (schema: FlowSchema) => {
      tell.add(keyOf(schema));
      keep.add(`FlowSchema/${keyOf(schema)}`);
    };
    schemas.on({ added: schemaSeen, updated: (_, schema) => schemaSeen(schema), deleted: schemaSeen });
    const levelSeen = (level: PriorityLevelConfiguration) => {
      keep.add(`PriorityLevelConfiguration/${keyOf(level)}`);
      for (const schema of schemas.list()) if (schema.spec?.priorityLevelConfiguration.name === keyOf(level)) tell.add(keyOf(schema));
    };
    levels.on({ added: levelSeen, updated: (_, level) => levelSeen(level), deleted: levelSeen });
    for (const { kind, metadata } of flowControlObjects) keep.add(`${kind}/${metadata.name}`);
  },
};
