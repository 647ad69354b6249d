// What the agent asks of its container runtime, counted: operations, failures, seconds.
import { Counter, type Family, Histogram } from '../../../kit/metrics/index.ts';
import type { Cri } from '../../cri/index.ts';

/** Upstream's names of the operations that it counts. */
const OPERATIONS: Partial<Record<keyof Cri, string>> = {
  runPodSandbox: 'run_podsandbox',
  stopPodSandbox: 'stop_podsandbox',
  removePodSandbox: 'remove_podsandbox',
  podSandboxStatus: 'podsandbox_status',
  listPodSandbox: 'list_podsandbox',
  updatePodSandboxResources: 'update_podsandbox_resources',
  createContainer: 'create_container',
  startContainer: 'start_container',
  stopContainer: 'stop_container',
  removeContainer: 'remove_container',
  containerStatus: 'container_status',
  listContainers: 'list_containers',
  updateContainerResources: 'update_container',
  execSync: 'exec_sync',
  exec: 'exec',
  attach: 'attach',
  openPort: 'port_forward',
  reopenContainerLog: 'reopen_container_log',
  podSandboxStats: 'podsandbox_stats',
  listContainerStats: 'list_container_stats',
  pullImage: 'pull_image',
  imageStatus: 'image_status',
  listImages: 'list_images',
  removeImage: 'remove_image',
  imageFsInfo: 'image_fs_info',
  version: 'version',
  status: 'status',
};

/** Upstream's bounds. */
const SECONDS = Array.from({ length: 14 }, (_, i) => Number((0.005 * 2.5 ** i).toPrecision(10)));

export class RuntimeMetrics {
  readonly #total = new Counter('kubelet_runtime_operations_total', '[ALPHA] Cumulative number of runtime operations by operation type.');
  readonly #errors = new Counter(
    'kubelet_runtime_operations_errors_total',
    '[ALPHA] Cumulative number of runtime operation errors by operation type.',
  );
  readonly #seconds = new Histogram(
    'kubelet_runtime_operations_duration_seconds',
    '[ALPHA] Duration in seconds of runtime operations. Broken down by operation type.',
    SECONDS,
  );
  readonly #pods = new Counter('kubelet_started_pods_total', '[ALPHA] Cumulative number of pods started');
  readonly #podErrors = new Counter('kubelet_started_pods_errors_total', '[ALPHA] Cumulative number of errors when starting pods');
  readonly #sandboxSeconds = new Histogram(
    'kubelet_run_podsandbox_duration_seconds',
    '[ALPHA] Duration in seconds of the run_podsandbox operations. Broken down by RuntimeClass.Handler.',
    SECONDS,
  );
  readonly #sandboxErrors = new Counter(
    'kubelet_run_podsandbox_errors_total',
    '[ALPHA] Cumulative number of the run_podsandbox operation errors by RuntimeClass.Handler.',
  );
  readonly families: Family[] = [
    this.#seconds,
    this.#errors,
    this.#total,
    this.#pods,
    this.#podErrors,
    this.#sandboxSeconds,
    this.#sandboxErrors,
  ];

  async count<T>(operation_type: string, work: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    const labels = () => ({ operation_type });
    this.#total.add(operation_type, labels);
    try {
      return await work();
    } catch (error) {
      this.#errors.add(operation_type, labels);
      throw error;
    } finally {
      this.#seconds.observe(operation_type, labels, (performance.now() - begun) / 1000);
    }
  }

  async countStart<T>(runtime_handler: string, work: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    const labels = () => ({ runtime_handler });
    this.#pods.add('', () => ({}));
    try {
      return await work();
    } catch (error) {
      this.#podErrors.add('', () => ({}));
      this.#sandboxErrors.add(runtime_handler, labels);
      throw error;
    } finally {
      this.#sandboxSeconds.observe(runtime_handler, labels, (performance.now() - begun) / 1000);
    }
  }
}

/** What upstream counts of a pod's start in particular. */
const countStart =
  (metrics: RuntimeMetrics, run: Cri['runPodSandbox']): Cri['runPodSandbox'] =>
  (config) =>
    metrics.countStart(config.runtimeHandler ?? '', () => run(config));

/** The same runtime, with its operations counted. */
export function countedCri(cri: Cri, metrics: RuntimeMetrics): Cri {
  const counted: Partial<Record<string, unknown>> = {};
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    const method = (cri[name as keyof Cri] as (...args: unknown[]) => Promise<unknown>).bind(cri);
    counted[name] = (...args: unknown[]) => metrics.count(operation, () => method(...args));
  }
  counted['runPodSandbox'] = countStart(metrics, counted['runPodSandbox'] as Cri['runPodSandbox']);
  return new Proxy(cri, {
    get: (target, name: string) => {
      if (counted[name]) return counted[name];
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
