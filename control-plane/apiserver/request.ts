// What travels through the pipeline: one request, one response. Sockets are left behind in the listener.
import type { Duplex } from 'node:stream';
import type { Kind } from '../../api/kinds/kind.ts';
import type { GroupVersionKind, KubeObject } from '../../api/meta/index.ts';

export interface UserInfo {
  name: string;
  uid?: string;
  groups: readonly string[];
  extra?: Record<string, string[]>;
}

/** What the path and method mean (RequestInfo of apiserver). */
export interface RequestInfo {
  isResource: boolean;
  /** get, list, watch, create, update, patch, delete, deletecollection, or the lower-case method for non-resources. */
  verb: string;
  path: string;
  group: string;
  version: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  /** What follows the sub-resource (proxy paths). */
  rest: string;
}

export interface Peer {
  /** CN and O of the subject. */
  commonName: string;
  organizations: string[];
  /** User ids that the subject has (Kubernetes' own attribute, 1.3.6.1.4.1.57683.2): at most one is meant to be there. */
  uids?: readonly string[];
  /** SHA-256 of the whole, in hexadecimal. */
  fingerprint?: string;
  /** CN of who signed it. */
  issuer: string;
}

export interface ApiRequest {
  method: string;
  /** Path without query. */
  path: string;
  query: URLSearchParams;
  headers: Record<string, string | undefined>;
  /** Names and values in turns as they came over a socket: `headers` holds lines of one name joined. */
  rawHeaders?: readonly string[];
  /** Bytes from a socket (bounded by the listener), or an object from the in-process client. */
  body(): Promise<Uint8Array | KubeObject>;
  /** Aborted when the client goes away or the request's deadline passes. */
  signal: AbortSignal;
  /** Aborts the signal: nobody waits for the answer any more. */
  abort?(): void;
  remoteAddress: string;
  /** The verified client certificate. */
  peer?: Peer;
  /** A client certificate that cannot be verified: it has expired, or nobody that is trusted signed it. */
  badPeer?: true;
  /** Set by the authenticate stage, or beforehand by the in-process client. */
  user?: UserInfo;
  info: RequestInfo;
  /** The verb that let the user act as somebody else, when that was granted for this action alone. */
  impersonationConstraint?: string;
  /** Sent as `Warning: 299` headers. */
  warnings: string[];
  /** There when the request is audited: what {@link annotate} said. */
  annotations?: Record<string, string>;
  /** Priority and fairness' choice, told with the answer, also with a refusal. */
  flow?: { readonly schemaUid: string; readonly levelUid: string };
  /** Seconds that it waited for others: for its turn, and for admission webhooks. */
  waitedSeconds?: number;
  /** There when the answer goes over a socket: called once it was sent or given up, for what a request holds until then. */
  onSent?: (() => void)[];
  /** Set by the dispatcher: the resource that the answer's Table is made for. */
  served?: { readonly kind: Kind };
  /** HTTP/1.1 upgrades: the raw socket and the bytes already read; a CONNECT verb takes it over. */
  upgrade?: { socket: Duplex; head: Uint8Array };
}

/** That time is not counted as the server's own. */
export function addWaited(request: Pick<ApiRequest, 'waitedSeconds'>, seconds: number): void {
  request.waitedSeconds = (request.waitedSeconds ?? 0) + seconds;
}

/** Tells the audit log something about the request. The first value of a key stays, as upstream has it. */
export function annotate(request: Pick<ApiRequest, 'annotations'>, key: string, value: string): void {
  if (request.annotations) request.annotations[key] ??= value;
}

export interface ApiResponse {
  status: number;
  headers?: Record<string, string>;
  /** An object is serialised as the client asked; bytes and streams go out as they are. */
  body?: KubeObject | object | Uint8Array | string | AsyncIterable<Uint8Array>;
  /** The upgrade's socket was taken over: nothing more to send. */
  hijacked?: boolean;
}

/** pipeline.ts is the ordered list of these. */
export interface Stage {
  readonly name: string;
  handle(request: ApiRequest, next: (request: ApiRequest) => Promise<ApiResponse>): Promise<ApiResponse>;
}

/** What admission sees (admission.Attributes). Plug-ins may change `object` in the mutating phase only. */
export interface Attributes {
  operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  kind: Kind;
  subresource: string;
  namespace: string;
  name: string;
  object?: KubeObject;
  oldObject?: KubeObject;
  /** Kind of `object` and `oldObject`: the resource's own, or what the sub-resource takes (Scale, Binding, PodExecOptions). */
  objectKind: GroupVersionKind;
  user: UserInfo;
  dryRun: boolean;
  /** The client's departure. */
  signal: AbortSignal;
  /** So long was somebody else at work for the request. */
  waited?(seconds: number): void;
  warnings: string[];
  /** For the audit log, e.g. `pod-security.kubernetes.io/audit-violations`. The first value of a key stays. */
  annotate(key: string, value: string): void;
  /** CreateOptions, UpdateOptions or DeleteOptions of meta.k8s.io/v1; undefined for CONNECT. */
  readonly options: Record<string, unknown> | undefined;
  /** Mutating plug-ins are asked again (round 1) when one of them set `again` in round 0 (upstream's reinvocation). */
  round: 0 | 1;
  again: boolean;
}

/** `done`: the write was made, and is in the cache. */
export type Settle = (done: boolean) => Promise<void>;

export interface AdmissionPlugin {
  readonly name: string;
  /** Users configure what it does. Not asked about what the server makes itself at start: a webhook whose pod is down would keep it down. */
  readonly ofUsers?: boolean;
  /** Mutating phase; throws StatusError to refuse. Every write asks every plug-in: only one that must wait answers with a promise. */
  admit?(attributes: Attributes): Promise<void> | undefined;
  /** Validating phase, after validation; throws StatusError to refuse. What it returns is told once how the write ended (quota). */
  validate?(attributes: Attributes): Promise<Settle | undefined> | undefined;
}

/** Cached reads for stages and plug-ins (namespaces, roles, service accounts, ...): the watch cache, no copy. Frozen objects. */
export interface Reader {
  get(resource: { group: string; plural: string }, namespace: string, name: string): KubeObject | undefined;
  list(resource: { group: string; plural: string }, namespace?: string): readonly KubeObject[];
  /** Differs when an object of the resource has changed: for what is derived from all of them. */
  version(resource: { group: string; plural: string }): number;
  /** The pods that are bound to the node, from an index. */
  podsOf(node: string): readonly KubeObject[];
  /** Bypasses the cache. */
  getFresh(resource: { group: string; plural: string }, namespace: string, name: string): Promise<KubeObject | undefined>;
}
