// The 403 that tells who may not do what.
import { goQuote, parseFieldSelector, StatusError } from '../../../api/meta/index.ts';
import type { AccessMetrics } from '../metrics/index.ts';
import { type ApiRequest, annotate, type Stage } from '../request.ts';
import type { Authorizer, Question } from './authorizer.ts';

/** 403; `reason` is added when the authorizer has more to say. */
export function refusal(question: Question, reason = ''): StatusError {
  const { user, verb, group, resource, subresource, namespace, name, path, isResource } = question;
  if (!isResource)
    return new StatusError(403, 'Forbidden', `forbidden: User ${goQuote(user.name)} cannot ${verb} path ${goQuote(path)}`, {});
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace ${goQuote(namespace)}`;
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const head = name === '' ? qualified : `${qualified} ${goQuote(name)}`;
  const why = reason === '' ? '' : `: ${reason}`;
  const message = `${head} is forbidden: User ${goQuote(user.name)} cannot ${verb} resource ${goQuote(whole)} in API group ${goQuote(group)} ${scope}${why}`;
  return new StatusError(403, 'Forbidden', message, { ...(name ? { name } : {}), ...(group ? { group } : {}), kind: resource });
}

/** Lists and watches of one object by its name ask for that object. */
export function questionOf({ info, query, user }: ApiRequest): Question {
  const question: Question = { ...info, user: user! };
  const selector = info.isResource && ['list', 'watch', 'deletecollection'].includes(info.verb) ? query.get('fieldSelector') : null;
  if (!selector) return question;
  const fields = parseFieldSelector(selector).filter(({ op }) => op === '=');
  const name = question.name || (fields.find(({ field }) => field === 'metadata.name')?.value ?? '');
  return { ...question, name, fields };
}

export const authorizeStage = (authorizer: Authorizer, metrics: AccessMetrics): Stage => ({
  name: 'authorize',
  async handle(request, next) {
    const question = questionOf(request);
    const started = performance.now();
    const { allowed, reason } = authorizer.authorize(question);
    metrics.authorized(allowed ? 'allowed' : 'no-opinion', (performance.now() - started) / 1000);
    annotate(request, 'authorization.k8s.io/decision', allowed ? 'allow' : 'forbid');
    annotate(request, 'authorization.k8s.io/reason', reason);
    if (!allowed) throw refusal(question, reason);
    return next(request);
  },
});
