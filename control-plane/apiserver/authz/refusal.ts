// The 403 that tells who may not do what.
import { goQuote, StatusError } from '../../../api/meta/index.ts';
import type { Stage } from '../request.ts';
import type { Authorizer, Question } from './authorizer.ts';

export function refusal(question: Question): StatusError {
  const { user, verb, group, resource, subresource, namespace, name, path, isResource } = question;
  if (!isResource)
    return new StatusError(403, 'Forbidden', `forbidden: User ${goQuote(user.name)} cannot ${verb} path ${goQuote(path)}`, {});
  const whole = subresource === '' ? resource : `${resource}/${subresource}`;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace ${goQuote(namespace)}`;
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const head = name === '' ? qualified : `${qualified} ${goQuote(name)}`;
  const message = `${head} is forbidden: User ${goQuote(user.name)} cannot ${verb} resource ${goQuote(whole)} in API group ${goQuote(group)} ${scope}`;
  return new StatusError(403, 'Forbidden', message, { ...(name ? { name } : {}), ...(group ? { group } : {}), kind: resource });
}

export const authorizeStage = (authorizer: Authorizer): Stage => ({
  name: 'authorize',
  async handle(request, next) {
    const question: Question = { ...request.info, user: request.user! };
    if (!authorizer.authorize(question).allowed) throw refusal(question);
    return next(request);
  },
});
