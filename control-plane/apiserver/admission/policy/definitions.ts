// Policies and bindings as the watch cache has them, compiled once: the same frozen object gives the same compiled policy.
import {
  admissionEnvironment,
  BOOL,
  Composition,
  compileExpression,
  type Expression,
  JSON_PATCH,
  listOf,
  NULL,
  STRING,
  structOf,
  type Type,
} from '../../../../api/cel/index.ts';
import type { KubeObject } from '../../../../api/meta/index.ts';
import type { Reader } from '../../request.ts';
import type { ResourceRule } from '../matching.ts';

export interface Constraints {
  resourceRules?: ResourceRule[];
  excludeResourceRules?: ResourceRule[];
  matchPolicy?: string;
  namespaceSelector?: object;
  objectSelector?: object;
}

export interface ParamRef {
  name?: string;
  namespace?: string;
  selector?: object;
  parameterNotFoundAction?: 'Allow' | 'Deny';
}

export interface Binding {
  readonly name: string;
  readonly matchResources?: Constraints;
  readonly paramRef?: ParamRef;
  /** Of validating bindings. */
  readonly validationActions: readonly ('Deny' | 'Warn' | 'Audit')[];
}

export interface Validation {
  readonly condition: Expression;
  readonly message?: string;
  readonly messageExpression?: Expression;
  readonly reason: string;
}

export interface Mutation {
  readonly patchType: 'ApplyConfiguration' | 'JSONPatch';
  readonly expression: Expression;
}

export interface Policy {
  readonly name: string;
  readonly constraints: Constraints;
  readonly ignoresFailures: boolean;
  readonly paramKind?: { readonly apiVersion: string; readonly kind: string };
  readonly variables: ReadonlyMap<string, Expression>;
  readonly matchConditions: readonly Expression[];
  readonly validations: readonly Validation[];
  readonly auditAnnotations: readonly { readonly key: string; readonly value: Expression }[];
  readonly mutations: readonly Mutation[];
  readonly reinvoked: boolean;
}

export type Phase = 'mutating' | 'validating';
const GROUP = 'admissionregistration.k8s.io';
const POLICIES = {
  mutating: { group: GROUP, plural: 'mutatingadmissionpolicies' },
  validating: { group: GROUP, plural: 'validatingadmissionpolicies' },
};
const BINDINGS = {
  mutating: { group: GROUP, plural: 'mutatingadmissionpolicybindings' },
  validating: { group: GROUP, plural: 'validatingadmissionpolicybindings' },
};

/** A policy with what puts it into force. */
export interface Active {
  readonly policy: Policy;
  readonly bindings: readonly Binding[];
}

const NONE: readonly Active[] = [];

/** In the order of names. Straight from the watch cache: a change counts for the very next request. */
export function activePolicies(reader: Reader, phase: Phase): readonly Active[] {
  const bindings = reader.list(BINDINGS[phase]);
  if (bindings.length === 0) return NONE;
  const byPolicy = Map.groupBy(bindings, (binding) => binding['spec']?.policyName as string);
  return reader.list(POLICIES[phase]).flatMap((object) => {
    const own = byPolicy.get(object.metadata.name!);
    return own ? [{ policy: compiledPolicy(object), bindings: own.map(bindingOf) }] : [];
  });
}

const compiled = new WeakMap<KubeObject, Policy>();

function compiledPolicy(object: KubeObject): Policy {
  let policy = compiled.get(object);
  if (policy === undefined) compiled.set(object, (policy = compilePolicy(object)));
  return policy;
}

function bindingOf({ metadata, spec }: KubeObject): Binding {
  return {
    name: metadata.name!,
    ...(spec.matchResources ? { matchResources: spec.matchResources } : {}),
    ...(spec.paramRef ? { paramRef: spec.paramRef } : {}),
    validationActions: spec.validationActions ?? [],
  };
}

const APPLY_CONFIGURATION = structOf('Object');

function compilePolicy({ metadata, spec }: KubeObject): Policy {
  const scope = { params: spec.paramKind !== undefined };
  const base = admissionEnvironment({ ...scope, authorizer: true });
  const composition = new Composition();
  for (const { name, expression } of spec.variables ?? []) composition.add(base, name, expression);
  const environment = composition.in(base);
  // Messages and audit annotations may not ask the authorizer.
  const plain = composition.in(admissionEnvironment(scope));
  const mutating = composition.in(admissionEnvironment({ ...scope, authorizer: true, mutation: true }));
  const condition = (source: string): Expression => compileExpression(environment, source, [BOOL]);
  const result = (patchType: string): Type => (patchType === 'JSONPatch' ? listOf(JSON_PATCH) : APPLY_CONFIGURATION);
  return {
    name: metadata.name!,
    constraints: spec.matchConstraints ?? {},
    ignoresFailures: spec.failurePolicy === 'Ignore',
    ...(spec.paramKind ? { paramKind: spec.paramKind } : {}),
    variables: composition.expressions,
    matchConditions: (spec.matchConditions ?? []).map((one: { expression: string }) => condition(one.expression)),
    validations: (spec.validations ?? []).map(
      (one: { expression: string; message?: string; messageExpression?: string; reason?: string }) => ({
        condition: condition(one.expression),
        ...(one.message ? { message: one.message } : {}),
        ...(one.messageExpression ? { messageExpression: compileExpression(plain, one.messageExpression, [STRING]) } : {}),
        reason: one.reason ?? 'Invalid',
      }),
    ),
    auditAnnotations: (spec.auditAnnotations ?? []).map((one: { key: string; valueExpression: string }) => ({
      key: one.key,
      value: compileExpression(plain, one.valueExpression, [STRING, NULL]),
    })),
    mutations: (spec.mutations ?? []).map((one: { patchType: Mutation['patchType'] } & Record<string, { expression: string }>) => ({
      patchType: one.patchType,
      expression: compileExpression(
        mutating,
        (one.patchType === 'JSONPatch' ? one['jsonPatch'] : one['applyConfiguration'])?.expression ?? '',
        [result(one.patchType)],
      ),
    })),
    reinvoked: spec.reinvocationPolicy === 'IfNeeded',
  };
}
