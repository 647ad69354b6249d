// Images for containers: what the pull policy asks for, one back-off a pod and image, events with upstream's texts.
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import { durationText } from '../../api/meta/index.ts';
import { BoundedMap, backoffMs, type Clock } from '../../kit/run/index.ts';
import { type Cri, CriError, type Image, isCriError, type PullCredential, type RegistryAuth } from '../cri/index.ts';
import type { PodEvents } from './pod-events.ts';
import { BACKOFF_BASE_MS, BACKOFF_MAX_MS } from './restart.ts';
import { StartProblem } from './start-problem.ts';

interface Failures {
  count: number;
  until: number;
  message: string;
}

/** Pulls remembered as failing; beyond it the oldest is forgotten and simply tried again. */
const FAILING_MAX = 1000;

/** Which pods may use an image that is there: see agent/images/pull-access.ts. */
export interface ImageAccess {
  isOpenTo(name: string, image: Image, credentials: () => Promise<readonly PullCredential[]>): Promise<boolean>;
  /** Until disposed the image counts as one that a pod pulls. */
  pulling(name: string): Promise<AsyncDisposable>;
  /** A pull has worked: with the credential, or without any. */
  pulled(name: string, id: string, credential: PullCredential | undefined): Promise<void>;
}

export interface ImagePullsOptions {
  cri: Cri;
  clock: Clock;
  events: PodEvents;
  access: ImageAccess;
  /** Of the pod's pull secrets and of the node, for this image: the first that works counts. */
  credentials(pod: Pod, image: string): Promise<PullCredential[]>;
}

export class ImagePulls {
  readonly #options: ImagePullsOptions;
  readonly #failing = new BoundedMap<string, Failures>(FAILING_MAX);

  constructor(options: ImagePullsOptions) {
    this.#options = options;
  }

  /** The image of the container, pulled when its policy asks for it. @throws StartProblem */
  async ensure(pod: Pod, container: Container): Promise<Image> {
    const { access, cri, events } = this.#options;
    const name = container.image ?? '';
    const policy = container.imagePullPolicy ?? 'IfNotPresent';
    const present = await cri.imageStatus(name).catch((error: unknown) => {
      throw isCriError(error, 'InvalidImageName') ? this.#invalid(pod, container, error) : error;
    });
    let found: Promise<PullCredential[]> | undefined;
    const credentials = () => (found ??= this.#options.credentials(pod, name));
    if (present && policy !== 'Always' && (await access.isOpenTo(name, present, credentials))) {
      events.container(
        pod,
        container.name,
        'Normal',
        'Pulled',
        `Container image "${name}" already present on machine and can be accessed by the pod`,
      );
      return present;
    }
    if (policy === 'Never') {
      // Also of one that is there, but not for this pod: it must not learn that.
      const message = `Container image "${name}" is not present with pull policy of Never`;
      events.container(pod, container.name, 'Warning', 'ErrImageNeverPull', message);
      throw this.#failed(pod, container, new StartProblem('ErrImageNeverPull', message));
    }
    return this.#pull(pod, container, name, credentials);
  }

  async #pull(pod: Pod, container: Container, name: string, credentials: () => Promise<PullCredential[]>): Promise<Image> {
    const { clock, events } = this.#options;
    // as upstream: what one pod lacks the credentials for does not hold up another that has them
    const key = `${pod.metadata?.uid}_${name}`;
    const failing = this.#failing.get(key);
    const nowMs = clock.nowMs();
    if (failing && failing.until > nowMs) {
      events.container(pod, container.name, 'Normal', 'BackOff', `Back-off pulling image "${name}"`);
      throw this.#failed(
        pod,
        container,
        new StartProblem('ImagePullBackOff', `Back-off pulling image "${name}": ${failing.message}`, failing.until - nowMs),
      );
    }
    events.container(pod, container.name, 'Normal', 'Pulling', `Pulling image "${name}"`);
    try {
      const image = await this.#pullWith(name, await credentials());
      this.#failing.delete(key);
      const took = durationText(Math.round(clock.nowMs() - nowMs) * 1e6);
      events.container(
        pod,
        container.name,
        'Normal',
        'Pulled',
        `Successfully pulled image "${name}" in ${took} (${took} including waiting). Image size: ${image.sizeBytes} bytes.`,
      );
      return image;
    } catch (error) {
      if (isCriError(error, 'InvalidImageName')) throw this.#invalid(pod, container, error);
      const message = error instanceof Error ? error.message : String(error);
      this.#remember(key, `ErrImagePull: ${message}`);
      events.container(pod, container.name, 'Warning', 'Failed', `Failed to pull image "${name}": ${message}`);
      // The next try, soon after, shows the back-off itself.
      throw this.#failed(pod, container, new StartProblem('ErrImagePull', message, 1000, error));
    }
  }

  /** With each of the credentials until one works, without any where there are none; as kubelet, which then tells all that failed. */
  async #pullWith(name: string, credentials: readonly PullCredential[]): Promise<Image> {
    const { access } = this.#options;
    await using _pull = await access.pulling(name);
    const problems: Error[] = [];
    for (const credential of credentials.length > 0 ? credentials : [undefined]) {
      try {
        const image = await this.#pullOnce(name, credential?.auth);
        await access.pulled(name, image.id, credential);
        return image;
      } catch (error) {
        problems.push(error instanceof Error ? error : new Error(String(error)));
      }
    }
    throw aggregate(problems);
  }

  async #pullOnce(name: string, auth: RegistryAuth | undefined): Promise<Image> {
    const { cri } = this.#options;
    const id = await cri.pullImage(name, auth);
    const image = (await cri.imageStatus(name)) ?? (await cri.imageStatus(id));
    if (image) return image;
    throw new CriError('ImageNotFound', `image "${name}" is gone after its pull`);
  }

  #remember(key: string, message: string): void {
    const count = (this.#failing.get(key)?.count ?? 0) + 1;
    this.#failing.set(key, { count, message, until: this.#options.clock.nowMs() + backoffMs(count, BACKOFF_BASE_MS, BACKOFF_MAX_MS) });
  }

  #invalid(pod: Pod, container: Container, error: Error): StartProblem {
    const message = `Failed to apply default image tag "${container.image}": ${error.message}`;
    this.#options.events.container(pod, container.name, 'Warning', 'InspectFailed', message);
    return this.#failed(pod, container, new StartProblem('InvalidImageName', message));
  }

  #failed(pod: Pod, container: Container, problem: StartProblem): StartProblem {
    this.#options.events.container(pod, container.name, 'Warning', 'Failed', `Error: ${problem.reason}`);
    return problem;
  }
}

/** Several as apimachinery's Aggregate writes them: in brackets, each text once. */
function aggregate(problems: readonly Error[]): Error {
  const texts = [...new Set(problems.map(({ message }) => message))];
  return texts.length === 1 ? problems[0]! : new AggregateError(problems, `[${texts.join(', ')}]`);
}
