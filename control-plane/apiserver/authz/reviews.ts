// SubjectAccessReview and its relatives: clients ask what authorization would say.
import { schemaOf } from '../../../api/gen/index.ts';
import { apiVersionOf, badRequest, goJson, invalid, invalidValue, type KubeObject, type Problem } from '../../../api/meta/index.ts';
import { trackUpdate } from '../../../api/patch/index.ts';
import { rfc3339 } from '../../../kit/run/index.ts';
import type { HandlerContext, SubresourceHandler } from '../handlers.ts';
import type { ApiResponse, UserInfo } from '../request.ts';
import { writeOptions } from '../write/options.ts';
import type { Authorizer, PolicyRule, Question } from './authorizer.ts';
import { evaluationError, fieldsOf } from './review-selectors.ts';

const REVIEW_KIND = { group: 'authorization.k8s.io', kind: '' };

interface Spec {
  user?: string;
  groups?: string[];
  uid?: string;
  extra?: Record<string, string[]>;
  resourceAttributes?: Record<string, any>;
  nonResourceAttributes?: { path?: string; verb?: string };
}

const nonResourceText = (spec: Spec): string =>
  goJson({ Path: spec.nonResourceAttributes?.path ?? '', Verb: spec.nonResourceAttributes?.verb ?? '' });

const nonResourceProblem = (spec: Spec, why: string): Problem => ({
  field: 'spec.nonResourceAttributes',
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${nonResourceText(spec)}: ${why}`,
});

function selectorProblems(attributes: Record<string, any>): Problem[] {
  return ['fieldSelector', 'labelSelector'].flatMap((name) => {
    const selector = attributes[name];
    const field = `spec.resourceAttributes.${name}`;
    if (!selector) return [];
    if (selector.rawSelector && selector.requirements?.length)
      return [invalidValue(`${field}.rawSelector`, selector.rawSelector, 'may not specified at the same time as requirements')];
    if (!selector.rawSelector && !selector.requirements?.length)
      return [
        {
          field: `${field}.requirements`,
          reason: 'FieldValueRequired',
          message: `Required value: when ${field} is specified, requirements or rawSelector is required`,
        },
      ];
    return [];
  });
}

/** Findings in a review's spec (validation of authorization.k8s.io). */
function specProblems(spec: Spec, withUser: boolean): Problem[] {
  const problems: Problem[] = [];
  if (spec.resourceAttributes && spec.nonResourceAttributes)
    problems.push(nonResourceProblem(spec, 'cannot be specified in combination with resourceAttributes'));
  if (!spec.resourceAttributes && !spec.nonResourceAttributes)
    problems.push(
      invalidValue('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'),
    );
  if (withUser && !spec.user && !spec.groups?.length)
    problems.push(invalidValue('spec.user', spec.user ?? '', 'at least one of user or group must be specified'));
  if (spec.resourceAttributes) problems.push(...selectorProblems(spec.resourceAttributes));
  return problems;
}

function questionOf(spec: Spec, user: UserInfo): Question {
  const resource = spec.resourceAttributes;
  const of = (field: string): string => resource?.[field] ?? '';
  return {
    user,
    isResource: resource !== undefined,
    verb: resource ? of('verb') : (spec.nonResourceAttributes?.verb ?? ''),
    path: spec.nonResourceAttributes?.path ?? '',
    group: of('group'),
    version: of('version'),
    resource: of('resource'),
    subresource: of('subresource'),
    namespace: of('namespace'),
    name: of('name'),
    fields: fieldsOf(resource?.['fieldSelector']).fields,
  };
}

function answer(review: KubeObject, authorizer: Authorizer, user: UserInfo): ApiResponse {
  const { allowed, reason } = authorizer.authorize(questionOf(review['spec'], user));
  const error = evaluationError(review['spec'].resourceAttributes);
  const status = { allowed, ...(reason ? { reason } : {}), ...(error ? { evaluationError: error } : {}) };
  const { namespace } = review.metadata ?? {};
  return { status: 201, body: { ...review, metadata: namespace ? { namespace } : {}, status } };
}

const subject = (spec: Spec): UserInfo => ({
  name: spec.user ?? '',
  groups: spec.groups ?? [],
  ...(spec.uid ? { uid: spec.uid } : {}),
  ...(spec.extra ? { extra: spec.extra } : {}),
});

/** The metadata as it is when the finding is made: the server has noted who owns the fields. */
async function withOwners({ request, kind, services }: HandlerContext, body: KubeObject): Promise<object> {
  const managedFields = await trackUpdate({
    old: undefined,
    new: body,
    manager: writeOptions(request, 'CreateOptions').manager,
    apiVersion: apiVersionOf(kind),
    schema: schemaOf(kind),
    now: rfc3339(services.clock.nowMs()),
  });
  return { ...body.metadata, ...(managedFields ? { managedFields } : {}) };
}

async function review(context: HandlerContext, withUser: boolean): Promise<KubeObject> {
  const body = await context.decode();
  const problems = specProblems(body['spec'] ?? {}, withUser);
  const { managedFields: _, creationTimestamp: __, namespace: ___, ...metadata } = body.metadata ?? {};
  if (Object.keys(metadata).length > 0) problems.push(invalidValue('metadata', await withOwners(context, body), 'must be empty'));
  if (problems.length > 0) throw invalid(REVIEW_KIND, '', problems);
  return body;
}

function checkLocal(body: KubeObject, namespace: string): void {
  const spec = body['spec'] as Spec;
  const problems: Problem[] = [];
  if (spec.nonResourceAttributes) problems.push(nonResourceProblem(spec, 'disallowed on this kind of request'));
  else if (spec.resourceAttributes?.['namespace'] !== namespace)
    problems.push(
      invalidValue('spec.resourceAttributes.namespace', spec.resourceAttributes?.['namespace'] ?? '', 'must match metadata.namespace'),
    );
  if (problems.length > 0) throw invalid(REVIEW_KIND, '', problems);
}

const resourceRule = (rule: PolicyRule) => ({
  verbs: rule.verbs,
  apiGroups: rule.apiGroups,
  resources: rule.resources,
  ...(rule.resourceNames?.length ? { resourceNames: rule.resourceNames } : {}),
});

/** Handlers by `group/plural`. */
export const accessReviewHandlers = (authorizer: Authorizer): Record<string, SubresourceHandler> => ({
  'authorization.k8s.io/subjectaccessreviews': {
    create: async (context) => {
      const body = await review(context, true);
      return answer(body, authorizer, subject(body['spec']));
    },
  },
  'authorization.k8s.io/localsubjectaccessreviews': {
    create: async (context) => {
      const body = await review(context, true);
      const { namespace } = context.request.info;
      checkLocal(body, namespace);
      body.metadata = { namespace };
      return answer(body, authorizer, subject(body['spec']));
    },
  },
  'authorization.k8s.io/selfsubjectaccessreviews': {
    create: async (context) => answer(await review(context, false), authorizer, context.request.user!),
  },
  'authorization.k8s.io/selfsubjectrulesreviews': {
    create: async (context) => {
      const body = await context.decode();
      const namespace: string = body['spec']?.namespace ?? '';
      if (namespace === '') throw badRequest('no namespace on request');
      const rules = authorizer.rulesFor(context.request.user!, namespace);
      const status = {
        resourceRules: rules.filter((rule) => rule.resources?.length).map(resourceRule),
        nonResourceRules: rules
          .filter((rule) => rule.nonResourceURLs?.length)
          .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
        incomplete: false,
      };
      return { status: 201, body: { ...body, metadata: {}, spec: {}, status } };
    },
  },
});
