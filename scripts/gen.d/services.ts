// The messages and calls of the services that the agent speaks with plugins (storage, registration, devices) and with those who ask
// what pods were given, as facts out of their .proto files.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';

/** The services whose messages the agent speaks. */
const CSI_SERVICES = ['Identity', 'Node'];

/** protobufjs' JSON form, one entry a line. @param moduleDir source of github.com/container-storage-interface/spec */
export const csiDescriptor = (moduleDir: string): string => descriptor(join(moduleDir, 'csi.proto'), 'csi.v1', CSI_SERVICES);

/** @param moduleDir source of k8s.io/kubelet */
export const registrationDescriptor = (moduleDir: string): string =>
  descriptor(join(moduleDir, 'pkg/apis/pluginregistration/v1/api.proto'), 'pluginregistration', ['Registration']);

/** @param moduleDir source of k8s.io/kubelet */
export const devicePluginDescriptor = (moduleDir: string): string =>
  descriptor(join(moduleDir, 'pkg/apis/deviceplugin/v1beta1/api.proto'), 'v1beta1', ['Registration', 'DevicePlugin']);

/** @param moduleDir source of k8s.io/kubelet */
export const podResourcesDescriptor = (moduleDir: string): string =>
  descriptor(join(moduleDir, 'pkg/apis/podresources/v1/api.proto'), 'v1', ['PodResourcesLister']);

function descriptor(file: string, name: string, services: readonly string[]): string {
  const { root } = protobuf.parse(readFileSync(file, 'utf8'), { keepCase: false });
  const api = root.lookup(name) as protobuf.Namespace;
  const kept = new Set<string>();
  const keep = (type: string): void => {
    const entry = api.get(type.split('.')[0] ?? '');
    if (!entry || kept.has(entry.name)) return;
    kept.add(entry.name);
    const visit = (of: protobuf.ReflectionObject): void => {
      if (!(of instanceof protobuf.Type)) return;
      for (const field of of.fieldsArray) keep(field.type);
      of.nestedArray.forEach(visit);
    };
    visit(entry);
  };
  for (const service of services) {
    kept.add(service);
    for (const { requestType, responseType } of api.lookupService(service).methodsArray) {
      keep(requestType);
      keep(responseType);
    }
  }
  const rows = api.nestedArray
    .filter((entry) => kept.has(entry.name))
    .map((entry) => {
      const form = entry.toJSON() as { options?: unknown };
      return `${JSON.stringify(entry.name)}:${JSON.stringify({ ...form, options: undefined })}`;
    });
  return `{\n${rows.join(',\n')}\n}\n`;
}
