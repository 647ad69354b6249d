// Service account tokens of pods: asked for through TokenRequest, bound to the pod, renewed at 80 % of their life.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import type { KubeObject } from '../../api/meta/index.ts';
import { type Client, RESOURCES } from '../../kit/client/index.ts';
import { type Clock, step } from '../../kit/run/index.ts';

export interface Token {
  text: string;
  renewAtMs: number;
  /** When it ends. */
  endMs: number;
}

export interface TokenWish {
  audience: string | undefined;
  expirationSeconds: number;
}

export class Tokens {
  readonly #client: Client;
  readonly #clock: Clock;
  /** By pod uid, then by wish: as many as the pods' projections. */
  readonly #tokens = new Map<string, Map<string, Promise<Token>>>();

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** The present token, a new one when it is due. */
  async get(pod: Pod, wish: TokenWish): Promise<Token> {
    const uid = pod.metadata.uid ?? '';
    let ofPod = this.#tokens.get(uid);
    if (!ofPod) this.#tokens.set(uid, (ofPod = new Map()));
    const key = JSON.stringify(wish);
    const known = await ofPod.get(key)?.catch(() => undefined);
    if (known && known.renewAtMs > this.#clock.nowMs()) return known;
    const asked = step('volumes.token', () => this.#request(pod, wish));
    ofPod.set(key, asked);
    asked.catch(() => ofPod.get(key) === asked && ofPod.delete(key));
    return asked;
  }

  forget(podUid: string): void {
    this.#tokens.delete(podUid);
  }

  async #request(pod: Pod, wish: TokenWish): Promise<Token> {
    const name = pod.spec?.serviceAccountName || 'default';
    const answer = await this.#client.create<KubeObject>(
      RESOURCES.serviceaccounts,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: { name, namespace: pod.metadata.namespace },
        spec: {
          audiences: wish.audience ? [wish.audience] : [],
          expirationSeconds: wish.expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid },
        },
      },
      { namespace: pod.metadata.namespace ?? '', name, subresource: 'token' },
    );
    const nowMs = this.#clock.nowMs();
    const endMs = Date.parse(answer['status'].expirationTimestamp);
    // A token that lives longer than a day is renewed daily, as upstream does.
    return { text: answer['status'].token, renewAtMs: nowMs + Math.min((endMs - nowMs) * 0.8, 24 * 3_600_000), endMs };
  }
}
