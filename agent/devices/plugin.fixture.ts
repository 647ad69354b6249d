// A device plugin for tests, on its real socket: registers with an agent, lists devices, remembers what it was asked.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServerWritableStream, status } from '@grpc/grpc-js';
import { callUnix } from '../../kit/grpc/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type ContainerAnswer, pluginMethods, registrationMethods } from './wire.ts';

type Answer = (error: object | null, value?: object) => void;

export interface TestPluginOptions {
  /** Of plugins, with the agent's `kubelet.sock`. */
  folder: string;
  resource: string;
  devices: readonly string[];
  /** What comes with devices; default: an environment variable that names them. */
  answer?(ids: readonly string[]): Partial<ContainerAnswer>;
  preferred?(available: readonly string[], size: number): readonly string[];
  preStartRequired?: boolean;
}

export class TestPlugin implements AsyncDisposable {
  readonly calls: [name: string, ids: readonly string[]][] = [];
  /** Calls that fail, by name. */
  readonly failing = new Map<string, string>();
  readonly #options: TestPluginOptions;
  readonly #endpoint: string;
  readonly #watchers = new Set<ServerWritableStream<object, object>>();
  #server: Server | undefined;
  #health: Map<string, string>;

  constructor(options: TestPluginOptions) {
    this.#options = options;
    this.#endpoint = `${options.resource.replace(/\W/g, '-')}.sock`;
    this.#health = new Map(options.devices.map((id) => [id, 'Healthy']));
  }

  /** Serves, then registers: with the agent that is there, or comes. */
  async start(version = 'v1beta1'): Promise<this> {
    const { folder, resource } = this.#options;
    const socket = join(folder, this.#endpoint);
    const request = { version, endpoint: this.#endpoint, resourceName: resource };
    this.#serve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    rmSync(socket, { force: true });
    this.#server?.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
    await promise;
    const registry = join(folder, 'kubelet.sock');
    await waitFor({ what: 'the registration socket', timeoutMs: 60_000 }, () => existsSync(registry));
    await callUnix(registry, registrationMethods()['Register']!, request, 10_000);
    return this;
  }

  set(health: Record<string, string>): void {
    this.#health = new Map(Object.entries(health));
    for (const watcher of this.#watchers) watcher.write(this.#list());
  }

  stop(): void {
    this.#server?.forceShutdown();
    this.#watchers.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    rmSync(join(this.#options.folder, this.#endpoint), { force: true });
  }

  #list = (): object => ({ devices: [...this.#health].map(([ID, health]) => ({ ID, health })) });

  #serve(): void {
    const { answer = (ids) => ({ envs: { DEVICES: ids.join() } }), preferred, preStartRequired = false } = this.#options;
    const unary =
      (name: string, ids: (request: any) => readonly string[], value: (request: any) => object) =>
      ({ request }: { request: any }, callback: Answer): void => {
        this.calls.push([name, ids(request)]);
        const details = this.failing.get(name);
        if (details === undefined) callback(null, value(request));
        else callback({ code: status.UNKNOWN, details });
      };
    const none = () => [];
    this.#server = new Server();
    this.#server.addService(pluginMethods(), {
      GetDevicePluginOptions: unary('GetDevicePluginOptions', none, () => ({
        preStartRequired,
        getPreferredAllocationAvailable: preferred !== undefined,
      })),
      ListAndWatch: (call: ServerWritableStream<object, object>) => {
        this.#watchers.add(call);
        call.on('close', () => this.#watchers.delete(call));
        call.write(this.#list());
      },
      GetPreferredAllocation: unary(
        'GetPreferredAllocation',
        ({ containerRequests: [one] }) => one.availableDeviceIDs,
        ({ containerRequests: [one] }) => ({
          containerResponses: [{ deviceIDs: preferred?.(one.availableDeviceIDs, one.allocationSize) ?? [] }],
        }),
      ),
      Allocate: unary(
        'Allocate',
        ({ containerRequests: [one] }) => one.devicesIds,
        ({ containerRequests: [one] }) => ({ containerResponses: [answer(one.devicesIds)] }),
      ),
      PreStartContainer: unary(
        'PreStartContainer',
        ({ devicesIds }) => devicesIds,
        () => ({}),
      ),
    });
  }
}
