// What a failed pod means for its Job: the pod failure policy, and how often an index may fail. Pure.
import type { Job, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement } from '../../../api/gen/types/batch.v1.ts';
import type { ContainerStatus, Pod } from '../../../api/gen/types/core.v1.ts';
import { indexOf, isIndexed } from './pod.ts';

const FAILURES = 'batch.kubernetes.io/job-index-failure-count';
const IGNORED = 'batch.kubernetes.io/job-index-ignored-failure-count';

export interface Verdict {
  action: 'Ignore' | 'FailIndex' | 'FailJob' | 'Count';
  /** Why the Job fails, with FailJob. */
  message: string;
}

/** The first rule that fits decides; without one the failure counts. */
export function judge(policy: PodFailurePolicy | undefined, pod: Pod): Verdict {
  const { name, namespace } = pod.metadata;
  for (const [at, { action, onExitCodes, onPodConditions }] of (policy?.rules ?? []).entries()) {
    const tail = `matching ${action} rule at index ${at}`;
    const failed = onExitCodes && failedContainer(pod, onExitCodes);
    if (failed) {
      const message = `Container ${failed.name} for pod ${namespace}/${name} failed with exit code ${failed.state?.terminated?.exitCode} ${tail}`;
      return { action: action as Verdict['action'], message };
    }
    const condition = pod.status?.conditions?.find(({ type, status }) =>
      onPodConditions?.some((pattern) => pattern.type === type && pattern.status === status),
    );
    if (condition)
      return { action: action as Verdict['action'], message: `Pod ${namespace}/${name} has condition ${condition.type} ${tail}` };
  }
  return { action: 'Count', message: '' };
}

function failedContainer(
  { status }: Pod,
  { containerName, operator, values }: PodFailurePolicyOnExitCodesRequirement,
): ContainerStatus | undefined {
  return [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find(({ name, state }) => {
    const exitCode = state?.terminated?.exitCode ?? 0;
    if (exitCode === 0 || (containerName && containerName !== name)) return false;
    return operator === 'In' ? values.includes(exitCode) : !values.includes(exitCode);
  });
}

/** Why the Job ends because of one of these failed pods. */
export const failJobMessage = (job: Job, failed: readonly Pod[]): string | undefined =>
  failed.map((pod) => judge(job.spec?.podFailurePolicy, pod)).find(({ action }) => action === 'FailJob')?.message;

export const hasLimitPerIndex = (job: Job): boolean => isIndexed(job) && job.spec?.backoffLimitPerIndex !== undefined;

/** Earlier failures of a pod's index, as it was told when it was made. */
export interface IndexFailures {
  counted: number;
  ignored: number;
}

const numberOf = (text: string | undefined): number => (text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : 0);
const failuresBefore = ({ metadata }: Pod): IndexFailures => ({
  counted: numberOf(metadata.annotations?.[FAILURES]),
  ignored: numberOf(metadata.annotations?.[IGNORED]),
});

/** Whether the failure of this pod ends its index. */
export function failsIndex(job: Job, pod: Pod): boolean {
  const { action } = judge(job.spec?.podFailurePolicy, pod);
  if (action === 'FailIndex') return true;
  return action !== 'Ignore' && failuresBefore(pod).counted >= (job.spec?.backoffLimitPerIndex ?? 0);
}

/** Failures of the index once `failed`, its newest failed pod, is counted too. */
export function failuresWith(job: Job, failed: Pod | undefined): IndexFailures {
  if (!failed) return { counted: 0, ignored: 0 };
  const { counted, ignored } = failuresBefore(failed);
  return judge(job.spec?.podFailurePolicy, failed).action === 'Ignore'
    ? { counted, ignored: ignored + 1 }
    : { counted: counted + 1, ignored };
}

/** The newest failed pod of each index: it knows how often the index has failed. */
export function newestFailed(failed: readonly Pod[]): Map<number, Pod> {
  const newest = new Map<number, Pod>();
  const total = (pod: Pod) => failuresBefore(pod).counted + failuresBefore(pod).ignored;
  for (const pod of failed) {
    const index = indexOf(pod);
    if (index === undefined) continue;
    const other = newest.get(index);
    if (!other || total(pod) >= total(other)) newest.set(index, pod);
  }
  return newest;
}

export const failureAnnotations = ({ counted, ignored }: IndexFailures): Record<string, string> => ({
  [FAILURES]: String(counted),
  ...(ignored > 0 ? { [IGNORED]: String(ignored) } : {}),
});
