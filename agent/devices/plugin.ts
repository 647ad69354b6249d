// One device plugin on its socket: its list of devices as it changes, and the calls that it answers.
import { callUnix, streamUnix } from '../../kit/grpc/index.ts';
import { type ContainerAnswer, type PluginOptions, pluginMethods, type WireDevice } from './wire.ts';

const ASK_MS = 10_000;
/** A plugin may have to prepare its devices. */
const ALLOCATE_MS = 120_000;
/** KubeletPreStartContainerRPCTimeoutInSecs. */
const PRE_START_MS = 30_000;

export class Plugin {
  readonly resource: string;
  readonly #socket: string;
  readonly #options: PluginOptions;
  readonly #methods: ReturnType<typeof pluginMethods>;
  readonly #stop = new AbortController();

  private constructor(resource: string, socket: string, options: PluginOptions, methods: ReturnType<typeof pluginMethods>) {
    this.resource = resource;
    this.#socket = socket;
    this.#options = options;
    this.#methods = methods;
  }

  /** @throws RpcError when the plugin does not answer */
  static async connect(resource: string, socket: string): Promise<Plugin> {
    const methods = pluginMethods();
    const options = await callUnix<PluginOptions>(socket, methods['GetDevicePluginOptions']!, {}, ASK_MS);
    return new Plugin(resource, socket, options, methods);
  }

  /** Each list is whole. Ends when the plugin goes or is stopped. */
  async *lists(): AsyncGenerator<readonly WireDevice[]> {
    const stream = streamUnix<{ devices: WireDevice[] }>(this.#socket, this.#methods['ListAndWatch']!, {}, this.#stop.signal);
    for await (const { devices } of stream) yield devices;
  }

  /** Ids that the plugin would give; none when it has no opinion. @throws RpcError */
  async preferred(available: readonly string[], mustInclude: readonly string[], size: number): Promise<readonly string[]> {
    if (!this.#options.getPreferredAllocationAvailable) return [];
    const request = { availableDeviceIDs: available, mustIncludeDeviceIDs: mustInclude, allocationSize: size };
    const { containerResponses } = await this.#call<{ containerResponses: { deviceIDs: string[] }[] }>(
      'GetPreferredAllocation',
      { containerRequests: [request] },
      ASK_MS,
    ).catch(told('GetPreferredAllocation'));
    return containerResponses[0]?.deviceIDs ?? [];
  }

  /** @throws RpcError, Error for an answer about nothing */
  async allocate(devicesIds: readonly string[]): Promise<ContainerAnswer> {
    const { containerResponses } = await this.#call<{ containerResponses: ContainerAnswer[] }>(
      'Allocate',
      { containerRequests: [{ devicesIds }] },
      ALLOCATE_MS,
    );
    if (!containerResponses[0]) throw new Error('no containers return in allocation response');
    return containerResponses[0];
  }

  get wantsPreStart(): boolean {
    return this.#options.preStartRequired;
  }

  /** Before each start of a container, where the plugin wants it. @throws Error */
  async preStart(devicesIds: readonly string[]): Promise<void> {
    await this.#call('PreStartContainer', { devicesIds }, PRE_START_MS).catch(told('PreStartContainer'));
  }

  stop(): void {
    this.#stop.abort();
  }

  #call<T>(name: string, request: object, timeoutMs: number): Promise<T> {
    return callUnix<T>(this.#socket, this.#methods[name]!, request, timeoutMs);
  }
}

const told =
  (name: string) =>
  (error: Error): never => {
    throw new Error(`device plugin ${name} rpc failed with err: ${error.message}`, { cause: error });
  };
