// Where device plugins come to: the registration socket, in the folder that they put their own sockets into.
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isExtendedResource } from '../../api/meta/index.ts';
import { unixService } from '../../kit/grpc/index.ts';
import type { Logger, Service } from '../../kit/run/index.ts';
import type { Devices } from './devices.ts';
import { API_VERSION, type RegisterRequest, registrationMethods } from './wire.ts';

export interface RegistrationOptions {
  devices: Devices;
  /** `kubelet.sock` is made here. */
  folder: string;
  log: Logger;
}

/** Resources that a node may offer: an extended resource is a line of its status. */
const RESOURCES_MAX = 256;

export function deviceRegistration({ devices, folder, log }: RegistrationOptions): Service {
  const register = async ({ version, endpoint, resourceName }: RegisterRequest): Promise<object> => {
    await admit(devices, resourceName, join(folder, endpoint), [version]);
    return {};
  };
  const socket = unixService({
    name: 'device plugins',
    socket: join(folder, 'kubelet.sock'),
    mode: 0o600,
    services: () => [{ methods: registrationMethods(), answers: { Register: register } }],
    log,
  });
  return {
    name: socket.name,
    async start(signal) {
      await mkdir(folder, { recursive: true, mode: 0o750 });
      await removeSockets(folder);
      const running = await socket.start(signal);
      return {
        failed: running.failed,
        async stop() {
          devices.disconnect();
          await running.stop();
        },
      };
    },
  };
}

/** The other way in: a socket in the folder of all plugins, of type `DevicePlugin`. */
export const devicePluginType = (devices: Devices) => ({
  register: (resource: string, socket: string, versions: readonly string[]) => admit(devices, resource, socket, versions),
  unregister: async (resource: string) => devices.drop(resource),
});

/** @throws Error for the plugin */
async function admit(devices: Devices, resource: string, socket: string, versions: readonly string[]): Promise<void> {
  if (!versions.includes(API_VERSION))
    throw new Error(`requested API version "${versions.join()}" is not supported by kubelet. Supported version is ["${API_VERSION}"]`);
  if (!isExtendedResource(resource)) throw new Error(`the ResourceName "${resource}" is invalid`);
  if (!devices.isDevice(resource) && devices.stock.resources.length >= RESOURCES_MAX)
    throw new Error(`the node has ${RESOURCES_MAX} device resources already`);
  await devices.connect(resource, socket);
}

/** Plugins see their socket go, and register again with the agent that is new. */
async function removeSockets(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found?.isSocket()) await rm(join(folder, name), { force: true });
  }
}
