// One pod on this node: looks at what is there, lets step.ts decide, has the steps performed, reports; again whenever something has
// happened. The only writer of its pod. What it remembers beside the CRI's records may be lost at any time without harm.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { deepEqual } from '../../api/meta/index.ts';
import { isFinalPhase } from '../../kit/pods/index.ts';
import { rfc3339Micro, tell } from '../../kit/run/index.ts';
import type { PodPlace } from '../volumes/index.ts';
import { Alarm } from './alarm.ts';
import { Condemned } from './condemned.ts';
import { DEADLINE_EXCEEDED, deadlineMs, Ending, type Verdict } from './ending.ts';
import { FirstImage } from './first-image.ts';
import { Holds } from './holds.ts';
import { findContainer, POD_UID_LABEL, podText } from './names.ts';
import { performStep } from './perform-step.ts';
import type { PodFiles } from './pod-files.ts';
import { removeFromApi, removeFromNode } from './pod-removal.ts';
import { PodReporter, type ReporterTools } from './pod-reporter.ts';
import type { ProbeKind } from './probe-verdict.ts';
import { Prober } from './prober.ts';
import { memoryBytesOf } from './qos.ts';
import { Resizer, type ResizerTools } from './resizer.ts';
import { ofFormerLife } from './restart-all.ts';
import { type Decision, hasExited, hasRun, newest, nextSteps, type Step, stepKey } from './step.ts';
import type { Seen, StepContext, StepTools } from './step-context.ts';
import { readTerminationMessage } from './termination-message.ts';
import { VolumeKeeper } from './volume-keeper.ts';

export interface WorkerTools extends StepTools, ReporterTools, Pick<ResizerTools, 'otherPods'> {
  allocatable: Readonly<Record<string, string>>;
  /** Ends all waiting; containers go on. */
  signal: AbortSignal;
  /** Nothing of it runs any more. */
  onOver(): void;
  /** The worker has nothing more to do, ever. */
  onDone(uid: string): void;
  /** For metrics. */
  onProbe?(pod: Pod, container: string, kind: ProbeKind, ok: boolean | undefined): void;
  /** Whose events are to wake this worker. */
  onSandbox(sandboxId: string, uid: string): void;
}

/** Looks in a row without a pause. */
const ROUNDS_MAX = 10;
const AGAIN_MS = 1000;

export class PodWorker implements StepContext {
  readonly tools: WorkerTools;
  readonly uid: string;
  readonly holds = new Holds();
  readonly condemned = new Condemned();
  readonly preStopped = new Set<string>();
  readonly messages = new Map<string, string>();
  readonly firstImage = new FirstImage();
  readonly volumes: VolumeKeeper;
  readonly resizer: Resizer;
  readonly ending: Ending;
  files: PodFiles | undefined;
  /** Nothing of the pod runs any more, nor will. */
  isOver = false;
  readonly #seenAt: string;
  /** As the API shows it. */
  #wanted: Pod;
  /** The same with the resources that it is given. */
  #pod: Pod;
  #isRecovered: boolean;
  readonly #prober: Prober;
  readonly #reporter: PodReporter;
  /** Steps being performed, by key. */
  readonly #busy = new Map<string, AbortController>();
  #sandboxIPs: readonly string[] = [];
  #state: 'idle' | 'looking' | 'look again' | 'done' = 'idle';
  readonly #alarm: Alarm;

  constructor(tools: WorkerTools, pod: Pod) {
    this.tools = tools;
    this.uid = pod.metadata.uid ?? '';
    this.#seenAt = rfc3339Micro(tools.clock.nowMs());
    this.#wanted = this.#marked(pod);
    this.#pod = this.#wanted;
    this.resizer = new Resizer(tools, this.uid);
    this.#isRecovered = pod.status?.startTime === undefined;
    if (this.#isRecovered) this.#pod = this.resizer.admit(this.#wanted);
    this.ending = new Ending(tools.clock, this.#pod);
    this.#prober = new Prober({
      cri: tools.cri,
      clock: tools.clock,
      events: tools.events,
      onChange: () => this.wake(),
      onProbe: (container, kind, ok) => tools.onProbe?.(this.#pod, container, kind, ok),
      onUnhealthy: (containerId, name, kind, graceSeconds) => {
        this.condemned.byProbe(this.#pod, containerId, name, kind, graceSeconds);
        this.wake();
      },
    });
    this.#reporter = new PodReporter(tools, pod, this, this.#prober);
    this.volumes = new VolumeKeeper(tools, this.holds, (reason, message) => {
      if (this.fail(reason, `Pod was rejected: ${message}`)) tools.events.pod(this.#pod, 'Warning', reason, message);
    });
    this.#alarm = new Alarm(tools.clock, () => this.wake());
    this.#followEnding();
  }

  /** With the resources that it is given. */
  get pod(): Pod {
    return this.#pod;
  }

  get place(): PodPlace {
    const { hostIP, allocatable } = this.tools;
    const pod = this.#pod;
    return {
      podIPs: pod.spec?.hostNetwork ? [hostIP] : [...this.#sandboxIPs],
      hostIP,
      allocatable,
      // for volumes alone: the place is asked for at each look at the pod
      get memoryBytes() {
        return memoryBytesOf(pod, allocatable);
      },
    };
  }

  /** Others have left: a resize that waited for it may go on. Whether it does. */
  roomMade(): boolean {
    if (!this.resizer.isDeferred) return false;
    this.#pod = this.resizer.admit(this.#wanted);
    this.wake();
    return !this.resizer.isDeferred;
  }

  /** The watch shows a newer state of the pod. */
  update(pod: Pod): void {
    const before = this.#pod;
    const { labels, annotations, generation, deletionTimestamp } = before.metadata;
    const isNews = this.#reporter.writer.seen(pod);
    this.#wanted = this.#marked(pod);
    this.#pod = this.#isRecovered ? this.resizer.admit(this.#wanted) : this.#wanted;
    this.holds.imagesChanged(before, this.#pod);
    const after = this.#pod.metadata;
    const isRelabelled = !deepEqual([labels, annotations], [after.labels, after.annotations]);
    if (isRelabelled) this.volumes.changed();
    this.#followEnding();
    const isSameSpec = generation !== undefined && generation === after.generation; // API servers before 1.33 do not count
    if (isNews || isRelabelled || !isSameSpec || deletionTimestamp !== after.deletionTimestamp) this.wake();
  }

  /** Upstream's node marks its pods with where and when it saw them; containers see that through the downward API. */
  #marked(pod: Pod): Pod {
    const annotations = { 'kubernetes.io/config.source': 'api', ...pod.metadata.annotations, 'kubernetes.io/config.seen': this.#seenAt };
    return { ...pod, metadata: { ...pod.metadata, annotations } };
  }

  /** This pod comes from a file: its status is for the pod that stands for it in the API, as the watch shows it. */
  mirrored(mirror: Pod): void {
    this.#reporter.writer.seen(mirror);
    this.wake();
  }

  /** The pod is gone from the API: whatever runs ends, nothing is reported. */
  remove(): void {
    this.#followEnding(true);
    this.wake();
  }

  /** A node-level decision against the pod; how it is meant: see Verdict. False: decided already. */
  fail(
    reason: string,
    message: string,
    { graceSeconds, ...more }: Omit<Verdict, 'reason' | 'message'> & { graceSeconds?: number } = {},
  ): boolean {
    const isFirst = this.ending.judge({ reason, message, ...more }, graceSeconds);
    if (isFirst) this.wake();
    return isFirst;
  }

  /** An object that the pod uses has changed. */
  objectsChanged(): void {
    this.volumes.changed();
    this.holds.retryAll();
    this.wake();
  }

  wake(): void {
    if (this.#state === 'looking') this.#state = 'look again';
    if (this.#state !== 'idle' || this.tools.signal.aborted) return;
    this.#state = 'looking';
    void tell(this.#reporter.story, () => this.#lookUntilQuiet());
  }

  /** Ends waiting and probing; containers go on. */
  close(): void {
    this.#state = 'done';
    this.#alarm.set([]);
    this.#prober.close();
    for (const busy of this.#busy.values()) busy.abort();
  }

  async #lookUntilQuiet(): Promise<void> {
    const { clock, log, signal } = this.tools;
    for (let rounds = 1; ; rounds++) {
      try {
        // Looking may take no turn of the event loop at all: never keep it to ourselves.
        if (rounds % ROUNDS_MAX === 0) await clock.sleep(1, signal);
        await this.#look();
      } catch (error) {
        if (signal.aborted) return;
        log.error({ err: error, pod: podText(this.#pod) }, 'pod could not be looked at');
        this.#alarm.set([clock.nowMs() + AGAIN_MS]);
      }
      const state = this.#state as string;
      if (state !== 'look again') break;
      this.#state = 'looking';
    }
    if (this.#state === 'looking') this.#state = 'idle';
  }

  async #look(): Promise<void> {
    const seen = await this.#see();
    this.#judgeDeadline();
    const outdated = this.#followResize(seen); // may condemn containers
    const decision = nextSteps(this.#pod, {
      nowMs: this.tools.clock.nowMs(),
      stopping: this.ending.isStopping,
      sandbox: seen.sandbox,
      containers: seen.containers,
      volumesReady: this.volumes.areReady(this.#pod),
      busy: new Set(this.#busy.keys()),
      heldUntilMs: (name) => this.holds.heldUntilMs(name, newest(seen.containers, name)),
      hasStarted: (id) => this.#prober.hasStarted(id),
      condemned: this.condemned.ids,
      comeBack: this.condemned.comeBack,
      graceUntilMs: this.ending.graceUntilMs,
      preStopped: this.preStopped,
      outdated,
    });
    for (const step of decision.steps) this.#begin(step, seen);
    this.#refreshVolumes(decision);
    this.#reporter.report(seen, decision.finished, this.#busy);
    this.#setAlarm(decision);
    if (decision.finished) await this.#finish(seen);
  }

  async #see(): Promise<Seen> {
    const { cri, onSandbox } = this.tools;
    const [sandboxes, records] = await Promise.all([
      cri.listPodSandbox({ podUid: this.uid }),
      cri.listContainers({ labels: { [POD_UID_LABEL]: this.uid } }),
    ]);
    // In the middle of its start a container may look lost.
    const containers = records.filter(
      ({ state, metadata }) => !(state === 'unknown' && this.#busy.has(`start-container ${metadata.name}`)),
    );
    let sandbox: Seen['sandbox'];
    for (const one of sandboxes) {
      onSandbox(one.id, this.uid);
      if (!sandbox || one.metadata.attempt > sandbox.metadata.attempt) sandbox = one;
    }
    this.#sandboxIPs = sandbox?.ips ?? [];
    if (!this.#isRecovered) {
      await this.resizer.recover(this.#pod, containers);
      this.#isRecovered = true;
      this.#pod = this.resizer.admit(this.#wanted);
    }
    await this.resizer.save();
    const seen = { sandboxes, sandbox, containers };
    await this.#followContainers(seen);
    return seen;
  }

  /** Messages of those that have ended, probes and sentences for those that run. */
  async #followContainers({ containers }: Seen): Promise<void> {
    for (const record of containers) {
      if (!hasExited(record)) continue;
      this.condemned.ended(record.id);
      if (!this.messages.has(record.id))
        this.messages.set(record.id, await readTerminationMessage(findContainer(this.#pod, record.metadata.name)?.container, record));
    }
    const running = containers.filter(({ state }) => state === 'running');
    const isOver = hasRun(this.#pod, { containers, condemned: this.condemned.ids, comeBack: this.condemned.comeBack });
    this.ending.followRun(isOver);
    this.#prober.follow(this.#pod, running, this.place.podIPs[0] ?? '', isOver || this.ending.isStopping);
    this.condemned.byChange(this.#pod, running);
    const former = ofFormerLife(this.#pod, containers);
    for (const record of former) if (record.state === 'running') this.condemned.byStartingOver(this.#pod, record);
  }

  /** After a resize some containers must restart, others and the pod's group are told new limits. */
  #followResize(seen: Seen): boolean {
    if (this.ending.isStopping || seen.sandbox?.state !== 'ready') return false;
    const running = seen.containers.filter(({ state }) => state === 'running');
    const { restart, update } = this.resizer.compare(this.#pod, running);
    for (const record of restart) this.condemned.byResize(this.#pod, record);
    return update;
  }

  #begin(step: Step, seen: Seen): void {
    const { clock, log, signal } = this.tools;
    const key = stepKey(step);
    const abort = new AbortController();
    const begunMs = performance.now();
    this.#busy.set(key, abort);
    void performStep(this, step, seen, abort.signal)
      .catch((error: unknown) => {
        if (signal.aborted || abort.signal.aborted) return;
        log.warn({ err: error, pod: podText(this.#pod), step: key }, 'step failed');
        return clock.sleep(AGAIN_MS, signal).catch(() => {}); // the step is decided again afterwards
      })
      .finally(() => {
        log.debug({ pod: podText(this.#pod), step: key, ms: Math.round(performance.now() - begunMs) }, 'step done');
        this.#busy.delete(key);
        this.wake();
      });
  }

  /** Volumes follow their objects while the pod runs. */
  #refreshVolumes(decision: Decision): void {
    if (!this.volumes.isStale || decision.finished || this.ending.isStopping || this.#busy.has('refresh-volumes')) return;
    this.#busy.set('refresh-volumes', new AbortController());
    void this.volumes.refresh(this.#pod, this.place).finally(() => {
      this.#busy.delete('refresh-volumes');
      this.wake();
    });
  }

  #followEnding(removed = false): void {
    const change = this.ending.follow(this.#pod, removed);
    if (change !== 'ends' && change !== 'ends sooner') return;
    for (const [key, busy] of this.#busy) {
      if (key.startsWith('start-container') || key.startsWith('pre-stop ')) busy.abort();
      // The stop that is under way has the longer grace: a second one overtakes it.
      if (change === 'ends sooner' && key.startsWith('stop-container '))
        void this.tools.cri.stopContainer(key.slice('stop-container '.length), this.ending.graceLeftMs).catch(() => {});
    }
  }

  #judgeDeadline(): void {
    const { phase, startTime } = this.#reporter.writer.base;
    const untilMs = deadlineMs(this.#pod, startTime);
    if (untilMs === undefined || untilMs > this.tools.clock.nowMs() || this.ending.isStopping) return;
    if (isFinalPhase(phase)) return;
    this.ending.judge(DEADLINE_EXCEEDED);
    this.tools.events.pod(this.#pod, 'Normal', DEADLINE_EXCEEDED.reason, DEADLINE_EXCEEDED.message);
  }

  #setAlarm({ wakeAtMs, finished }: Decision): void {
    const goesOn = !this.ending.isStopping && !finished;
    const { heldUntilMs, writer } = this.#reporter;
    const own = goesOn ? [this.volumes.refreshAtMs, deadlineMs(this.#pod, writer.base.startTime), heldUntilMs] : [];
    this.#alarm.set([wakeAtMs, ...own]);
  }

  /** All has ended. A deleted pod leaves nothing behind, then leaves the API; a finished one keeps its records and logs. */
  async #finish(seen: Seen): Promise<void> {
    const { tools } = this;
    this.isOver = true;
    tools.onOver();
    if (!this.ending.isRemoved && !this.#pod.metadata.deletionTimestamp) {
      await tools.volumes.unmount(this.uid);
      return;
    }
    await this.#reporter.writer.settled();
    this.#prober.close();
    const sandboxIds = seen.sandboxes.map(({ id }) => id);
    await removeFromNode(tools, this.#pod, sandboxIds);
    await removeFromApi(tools, this.#pod, () => this.ending.isRemoved);
    this.close();
    tools.onDone(this.uid);
  }
}
