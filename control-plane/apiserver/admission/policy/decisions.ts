// What a validating policy says about a request: pure decisions, one for each validation and audit annotation (apiserver's validator.go).
import { type Evaluation, OutOfBudget, type Result } from '../../../../api/cel/index.ts';
import type { Policy, Validation } from './definitions.ts';

export interface Denial {
  /** Of the validation in the policy. */
  readonly index: number;
  readonly message: string;
  readonly reason: string;
}

export interface Verdict {
  readonly denials: readonly Denial[];
  /** For the audit log, by key. */
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  /** Annotations that failed: they refuse the request whatever the binding's actions are. */
  readonly failures: readonly Denial[];
  /** Errors that the policy ignores. */
  readonly ignored: readonly string[];
}

export const NOTHING: Verdict = { denials: [], annotations: [], failures: [], ignored: [] };

/** A failure of the policy itself. */
export const failed = (policy: Policy, message: string): Verdict =>
  policy.ignoresFailures ? { ...NOTHING, ignored: [message] } : { ...NOTHING, denials: [{ index: 0, message, reason: 'Invalid' }] };

export function judge(policy: Policy, evaluation: Evaluation, annotating: Evaluation): Verdict {
  try {
    const results = policy.validations.map((validation) => evaluation.evaluate(validation.condition));
    const denials = policy.validations.flatMap((validation, index) => denialOf(policy, validation, index, results[index]!, evaluation));
    const notes = policy.auditAnnotations.map(({ key, value }) => ({ key, result: annotating.evaluate(value) }));
    return {
      denials,
      ignored: policy.ignoresFailures ? results.flatMap(({ error }) => error ?? []) : [],
      annotations: notes.flatMap(({ key, result }) => {
        const value = typeof result.value === 'string' ? result.value.trim() : '';
        return value === '' ? [] : [{ key, value }];
      }),
      failures: policy.ignoresFailures
        ? []
        : notes.flatMap(({ result }, index) => (result.error === undefined ? [] : [{ index, message: result.error, reason: 'Invalid' }])),
    };
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    return failed(policy, error.message);
  }
}

function denialOf(policy: Policy, validation: Validation, index: number, result: Result, evaluation: Evaluation): Denial[] {
  if (result.error !== undefined) return policy.ignoresFailures ? [] : [{ index, message: result.error, reason: 'Invalid' }];
  if (result.value === true) return [];
  try {
    return [{ index, message: messageOf(validation, evaluation), reason: validation.reason }];
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    return policy.ignoresFailures ? [] : [{ index, message: `failed messageExpression: ${error.message}`, reason: 'Invalid' }];
  }
}

const MESSAGE_MAX = 5 * 1024;

/** The expression's text, else the message, else the failed expression. */
function messageOf({ condition, message, messageExpression }: Validation, evaluation: Evaluation): string {
  const value = messageExpression && evaluation.evaluate(messageExpression).value;
  const text = typeof value === 'string' ? value.trim() : '';
  if (text !== '' && Buffer.byteLength(text) <= MESSAGE_MAX && !text.includes('\n')) return text;
  return message?.trim() || `failed expression: ${condition.source.trim()}`;
}
