// What other parts plug into the server: the security stages, and handlers of sub-resources and virtual kinds.
import type { Kind } from '../../api/kinds/kind.ts';
import type { GroupVersionKind, KubeObject } from '../../api/meta/index.ts';
import type { Client } from '../../kit/client/client.ts';
import type { Clock, Logger } from '../../kit/run/index.ts';
import type { ServedKind } from './kind-table.ts';
import type { AccessMetrics, AdmissionMetrics, WebhookMetrics } from './metrics/index.ts';
import type { AdmissionPlugin, ApiRequest, ApiResponse, Attributes, Reader, Stage, UserInfo } from './request.ts';
import type { WebhookClient } from './webhook/index.ts';

/** What every part of the server may use. */
export interface ServerServices {
  readonly reader: Reader;
  readonly clock: Clock;
  readonly log: Logger;
  /** In-process client that acts as `user`, through authorization and admission. */
  client(user: UserInfo): Client;
  /** The same as the server itself (system:apiserver in system:masters). */
  readonly self: Client;
  /** The kinds that are served now, those of CRDs included. */
  kindFor(group: string, version: string, plural: string): Kind | undefined;
  /** A served kind by its name, with its structure. */
  served(kind: GroupVersionKind): ServedKind | undefined;
  /** Other versions and groups that the same stored objects are served in. */
  equivalentsOf(kind: Kind): readonly Kind[];
  /** A copy of the object in another of its versions. Throws when its conversion fails. */
  convert(object: KubeObject, from: Kind, to: Kind): Promise<KubeObject>;
  /** What admission made of an object of that kind, as the decoder would let it in: no unknown fields. Throws when it does not fit. */
  shaped(object: KubeObject, kind: GroupVersionKind): KubeObject;
  readonly webhooks: WebhookClient;
  readonly webhookMetrics: WebhookMetrics;
  readonly admissionMetrics: AdmissionMetrics;
  readonly accessMetrics: AccessMetrics;
}

export interface HandlerContext {
  readonly request: ApiRequest;
  /** The parent's kind (Pod for pods/exec), or the virtual kind itself. */
  readonly kind: Kind;
  readonly services: ServerServices;
  readonly namespace: string;
  readonly name: string;
  readonly dryRun: boolean;
  /** Decodes and checks the body as the sub-resource's kind (a virtual kind: as that kind). Fresh, may be changed. */
  decode(): Promise<KubeObject>;
  /**
   * Runs the mutating plug-ins, then the validating ones; for create-like sub-resources such as token. Answers the object that they made.
   * `between`: what the server fills in and checks after the former, before the latter.
   */
  admit(
    operation: Attributes['operation'],
    object: KubeObject,
    oldObject?: KubeObject,
    between?: (object: KubeObject) => Promise<void>,
  ): Promise<KubeObject>;
}

/**
 * One sub-resource or virtual kind. `get`, `list`, `create` and so on answer those verbs; `connect` gets every method (exec, log, proxy)
 * after CONNECT admission, and may take over `request.upgrade`. Throw StatusError to refuse.
 */
export interface SubresourceHandler {
  get?(context: HandlerContext): Promise<ApiResponse>;
  list?(context: HandlerContext): Promise<ApiResponse>;
  create?(context: HandlerContext): Promise<ApiResponse>;
  update?(context: HandlerContext): Promise<ApiResponse>;
  patch?(context: HandlerContext): Promise<ApiResponse>;
  connect?(context: HandlerContext): Promise<ApiResponse>;
}

/**
 * Key: `group/plural/subresource`, e.g. `/pods/exec`, `/serviceaccounts/token`; a virtual kind has no third part:
 * `authorization.k8s.io/subjectaccessreviews`.
 */
export type SubresourceHandlers = Readonly<Record<string, SubresourceHandler>>;

/** What the security part gives the server; made by a function of {@link ServerServices}, as it reads the cache. */
export interface Security {
  authenticate: Stage;
  /** Impersonation, when it is a stage of its own. */
  impersonate?: Stage;
  authorize: Stage;
  admission: readonly AdmissionPlugin[];
  handlers: SubresourceHandlers;
  /** Non-resource paths by exact path or `/prefix/` (e.g. `/openid/v1/jwks`, `/logs/`). */
  paths?: Readonly<Record<string, (request: ApiRequest) => Promise<ApiResponse>>>;
  /** Created at start when absent (roles, bindings, ...). */
  bootstrap?: readonly KubeObject[];
}
export type MakeSecurity = (services: ServerServices) => Security;
