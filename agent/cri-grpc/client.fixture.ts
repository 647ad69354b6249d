// Test fixture: the CRI program as a process of its own in a node's network namespace, and a gRPC client of its socket.
import { existsSync, mkdtempSync } from 'node:fs';
import { request } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import WebSocket from 'ws';
import { type ChildProcess, exitOf, run, start } from '../../kit/exec/index.ts';
import { cgroups, connectInNetns, createNamedNetns, homeFirst, removeTree, unpinNamespace } from '../../kit/linux/index.ts';
import { systemClock, waitFor } from '../../kit/run/index.ts';
import { type CriServiceName, criMethods } from './wire.ts';

const MAIN = `${import.meta.dirname}/../cri-main.ts`;
const CALL_TIMEOUT_MS = 30_000;

export class CriProgram {
  readonly folder: string;
  readonly node: string;
  readonly socket: string;
  readonly #cgroupParent: string;
  #child: ChildProcess | undefined;
  #client: Client;

  private constructor(folder: string) {
    this.folder = folder;
    this.node = `${folder}/node`;
    this.socket = `${folder}/cri.sock`;
    this.#cgroupParent = `/wherry-test-socket-${process.pid}`;
    this.#client = this.#connect();
  }

  static async make(): Promise<CriProgram> {
    await homeFirst();
    const program = new CriProgram(mkdtempSync(`${tmpdir()}/wherry-socket-`));
    createNamedNetns(program.node);
    await program.inNode('ip', 'link', 'set', 'lo', 'up');
    return program;
  }

  /** Put images there before it starts, or while it runs. */
  get imagesDir(): string {
    return `${this.folder}/images`;
  }

  #connect(): Client {
    // the program is waited for: patience that grows with each try would outlast any deadline on a busy machine
    const backoff = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 500 };
    return new Client(`unix://${this.socket}`, credentials.createInsecure(), { 'grpc.max_send_message_length': -1, ...backoff });
  }

  /** Output of a command in the node's network namespace. */
  async inNode(command: string, ...args: string[]): Promise<string> {
    return (await run('nsenter', [`--net=${this.node}`, command, ...args])).stdout;
  }

  /** Resolves when the socket is served. */
  async start(): Promise<void> {
    const { folder, socket } = this;
    const config = {
      socket,
      stateDir: `${folder}/state`,
      runDir: `${folder}/run`,
      imagesDir: this.imagesDir,
      cgroupParent: this.#cgroupParent,
      podCIDR: '10.244.8.0/24',
    };
    const child = await start('nsenter', [`--net=${this.node}`, process.execPath, MAIN, JSON.stringify(config)], { stdio: 'ignore' });
    this.#child = child;
    await waitFor({ what: 'the CRI socket', timeoutMs: 60_000, everyMs: 20 }, async () => {
      if (child.exitCode !== null) throw new Error(`the CRI program ended with ${child.exitCode}`);
      return existsSync(socket) && (await this.call('RuntimeService', 'Version').then(Boolean, () => false));
    });
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<number> {
    const child = this.#child!;
    child.kill(signal);
    const code = await exitOf(child);
    this.#client.close();
    this.#client = this.#connect();
    return code;
  }

  /** @throws ServiceError with the gRPC code */
  call(service: CriServiceName, method: string, message: object = {}): Promise<any> {
    const { path, requestSerialize, responseDeserialize } = criMethods(service)[method]!;
    return this.callBytes(path, requestSerialize(message), responseDeserialize);
  }

  callBytes(path: string, bytes: Buffer, parse: (bytes: Buffer) => object = (answer) => answer): Promise<object> {
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    const deadline = systemClock.nowMs() + CALL_TIMEOUT_MS;
    const done = (error: ServiceError | null, answer?: object) => (error ? reject(error) : resolve(answer!));
    this.#client.makeUnaryRequest(path, (b: Buffer) => b, parse, bytes, { deadline }, done);
    return promise;
  }

  /** Events from now on, until `until` says that the last one has come. */
  async events(until: (events: any[]) => boolean): Promise<{ seen: Promise<any[]> }> {
    const { path, requestSerialize, responseDeserialize } = criMethods('RuntimeService')['GetContainerEvents']!;
    const deadline = systemClock.nowMs() + CALL_TIMEOUT_MS;
    const stream = this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, { deadline });
    const events: object[] = [];
    const { promise: seen, resolve, reject } = Promise.withResolvers<object[]>();
    stream.on('data', (event: object) => {
      events.push(event);
      if (until(events)) {
        resolve(events);
        stream.cancel();
      }
    });
    stream.on('error', reject);
    // the server answers calls of one connection in order: it has subscribed when the next one is answered
    await this.call('RuntimeService', 'Version');
    return { seen };
  }

  /** What a streaming URL gives: all of stdout and stderr, and the status at the end. */
  async stream(url: string, input = ''): Promise<{ stdout: string; stderr: string; status: string }> {
    const { port, pathname } = new URL(url);
    const socket = new WebSocket(`ws://127.0.0.1:${port}${pathname}`, 'v5.channel.k8s.io', {
      createConnection: () => new Socket({ fd: connectInNetns(this.node, Number(port)) }),
    });
    const out = ['', '', '', ''];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.on('open', () => {
      if (input) socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(input)]));
      if (input) socket.send(Buffer.from([255, 0]));
    });
    socket.on('message', (data: Buffer) => {
      out[data[0]!] += data.subarray(1).toString();
    });
    socket.on('close', () => resolve());
    socket.on('error', reject);
    await promise;
    return { stdout: out[1]!, stderr: out[2]!, status: out[3]! };
  }

  /** GET on the node's loopback. @throws ECONNREFUSED */
  async get(port: number): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const createConnection = () => new Socket({ fd: connectInNetns(this.node, port) });
    request({ createConnection, host: '127.0.0.1', port, path: '/' }, (response) => text(response).then(resolve, reject))
      .on('error', reject)
      .end();
    return await promise;
  }

  async dispose(): Promise<void> {
    this.#client.close();
    this.#child?.kill('SIGKILL');
    unpinNamespace(this.node);
    await cgroups().remove(this.#cgroupParent);
    await removeTree(this.folder);
  }
}
