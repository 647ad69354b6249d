// What a validating policy's expressions would say of the kinds it names, if their types were known: warnings, never refusals
// (apiserver/pkg/admission/plugin/policy/validating/typechecking.go). Pure.
import { admissionEnvironment, CompileError, Composition, type Type } from '../../../api/cel/index.ts';
import type {
  ValidatingAdmissionPolicySpec as PolicySpec,
  NamedRuleWithOperations as Rule,
} from '../../../api/gen/types/admissionregistration.v1.ts';
import { type GroupVersionKind, parseApiVersion } from '../../../api/meta/index.ts';

/** The kinds and types that are served now. */
export interface KnownTypes {
  kindOf(group: string, version: string, plural: string): GroupVersionKind | undefined;
  typeOf(kind: GroupVersionKind): Type | undefined;
}

export interface ExpressionWarning {
  readonly fieldRef: string;
  readonly warning: string;
}

const KINDS_MAX = 10;

export function typeWarnings(spec: PolicySpec, known: KnownTypes): ExpressionWarning[] {
  const kinds = kindsToCheck(spec, known).flatMap((kind) => {
    const type = known.typeOf(kind);
    return type ? [{ kind, type }] : [];
  });
  const paramsType = paramsTypeOf(spec, known);
  const checks = kinds.map(({ kind, type }) => ({ kind, check: checkerFor(spec, type, paramsType) }));
  const warningOf = (fieldRef: string, expression: string | undefined): ExpressionWarning[] => {
    if (!expression) return [];
    const issues = checks.flatMap(({ kind, check }) => {
      const issue = check(expression);
      return issue === undefined ? [] : [`${kind.group ? `${kind.group}/` : ''}${kind.version}, Kind=${kind.kind}: ${issue}\n`];
    });
    return issues.length === 0 ? [] : [{ fieldRef, warning: issues.join('\n') }];
  };
  return (spec.validations ?? []).flatMap((validation, i) => [
    ...warningOf(`spec.validations[${i}].expression`, validation.expression),
    ...warningOf(`spec.validations[${i}].messageExpression`, validation.messageExpression),
  ]);
}

function paramsTypeOf({ paramKind }: PolicySpec, known: KnownTypes): Type | undefined {
  if (!paramKind) return undefined;
  return known.typeOf({ ...parseApiVersion(paramKind.apiVersion ?? ''), kind: paramKind.kind ?? '' });
}

/** Answers the problems of an expression about objects of that type. */
function checkerFor(spec: PolicySpec, objectType: Type, paramsType: Type | undefined): (expression: string) => string | undefined {
  const base = admissionEnvironment({
    authorizer: true,
    objectType,
    params: spec.paramKind !== undefined,
    ...(paramsType ? { paramsType } : {}),
  });
  const composition = new Composition();
  for (const { name, expression } of spec.variables ?? []) composition.add(base, name, expression);
  const environment = composition.in(base);
  return (expression) => {
    try {
      environment.compile(expression);
      return undefined;
    } catch (error) {
      if (error instanceof CompileError) return error.message;
      throw error;
    }
  };
}

/** Those that the rules name without wildcards, in order. */
function kindsToCheck({ matchConstraints }: PolicySpec, known: KnownTypes): GroupVersionKind[] {
  const found = new Map<string, GroupVersionKind>();
  for (const rule of matchConstraints?.resourceRules ?? []) for (const kind of kindsOf(rule, known)) found.set(nameOf(kind), kind);
  return [...found.keys()].sort().map((name) => found.get(name)!);
}

const nameOf = ({ group, version, kind }: GroupVersionKind): string => `${group}\0${version}\0${kind}`;

function kindsOf(rule: Rule, known: KnownTypes): GroupVersionKind[] {
  const { apiGroups = [], apiVersions = [] } = rule;
  if (apiGroups.some((group) => group.includes('*')) || apiVersions.some((version) => version.includes('*'))) return [];
  const resources = (rule.resources ?? []).filter((resource) => !/[*/]/.test(resource));
  const triples = apiGroups
    .toSorted()
    .flatMap((group) =>
      apiVersions.toSorted().flatMap((version) => resources.toSorted().map((resource) => [group, version, resource] as const)),
    );
  return triples.flatMap((triple) => known.kindOf(...triple) ?? []).slice(0, KINDS_MAX);
}
