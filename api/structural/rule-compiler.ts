// One rule of x-kubernetes-validations as programs: the rule itself and what makes its message.
import { BOOL, CompileError, Environment, optionalOf, type Program, promisedSizes, type SchemaType, STRING } from '../cel/index.ts';
import { fieldPath } from './field-path.ts';
import type { JsonSchema, ValidationRule } from './schema.ts';

export interface CompiledRule {
  rule: ValidationRule;
  /** Absent when the rule is empty or does not compile. */
  program?: Program;
  /** Why it does not compile, and why its message does not. */
  error?: string;
  messageError?: string;
  usesOldSelf: boolean;
  messageProgram?: Program;
  /** Of the field that the rule blames, below its own; '' for its own. */
  path: string;
}

/** All rules of one place. `type` is the place's. */
export function compileRules(rules: readonly ValidationRule[], type: SchemaType, schema: JsonSchema): CompiledRule[] {
  const plain = new Environment({ variables: { self: type.type, oldSelf: type.type } });
  const optional = new Environment({ variables: { self: type.type, oldSelf: optionalOf(type.type) } });
  return rules.map((rule) => compileRule(rule, rule.optionalOldSelf ? optional : plain, schema));
}

function compileRule(rule: ValidationRule, environment: Environment, schema: JsonSchema): CompiledRule {
  const compiled: CompiledRule = { rule, usesOldSelf: false, path: '' };
  if (!rule.rule?.trim()) return compiled;
  const program = attempt(() => environment.compile(rule.rule));
  if (typeof program === 'string') return { ...compiled, error: `compilation failed: ${program}` };
  if (program.type !== BOOL) return { ...compiled, error: 'cel expression must evaluate to a bool' };
  compiled.program = program;
  compiled.usesOldSelf = program.uses('oldSelf');
  if (rule.messageExpression) {
    const message = attempt(() => environment.compile(rule.messageExpression!));
    if (typeof message === 'string') return { ...compiled, messageError: `messageExpression compilation failed: ${message}` };
    if (message.type !== STRING) return { ...compiled, messageError: 'messageExpression must evaluate to a string' };
    compiled.messageProgram = message;
  }
  if (rule.fieldPath) {
    const found = fieldPath(rule.fieldPath, schema);
    if (!('why' in found)) compiled.path = found.path;
  }
  return compiled;
}

/** The program, or why there is none. */
function attempt(compile: () => Program): Program | string {
  try {
    return compile();
  } catch (error) {
    if (error instanceof CompileError) return error.message;
    throw error;
  }
}

/** Worst costs of a rule and of its message where it runs once, from the sizes that the schema allows. */
export function estimatedCosts({ program, messageProgram }: CompiledRule, type: SchemaType): { rule: number; message: number } {
  const sizes = promisedSizes(type);
  return { rule: program?.estimate(sizes).max ?? 0, message: messageProgram?.estimate(sizes).max ?? 0 };
}
