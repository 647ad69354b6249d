// Device selectors: expressions over `device` (upstream's dynamic-resource-allocation/cel).
import { BOOL, compileExpression, DYN, Environment, mapOf, STRING, structOf } from '../../cel/index.ts';
import { invalidValue, type Problem, required, tooLong } from '../../meta/index.ts';

const EXPRESSION_MAX = 10 * 1024;

/** Attributes and capacities are found by the domain of their names first. */
const DEVICE = structOf(
  'kubernetes.DRADevice',
  new Map([
    ['driver', STRING],
    ['attributes', mapOf(STRING, mapOf(STRING, DYN))],
    ['capacity', mapOf(STRING, mapOf(STRING, structOf('kubernetes.Quantity')))],
    ['allowMultipleAllocations', BOOL],
  ]),
);
const overDevice = new Environment({ variables: { device: DEVICE } });

export function validateSelectors(selectors: readonly any[], path: string): Problem[] {
  return selectors.flatMap(({ cel }, i) => {
    const at = `${path}[${i}].cel`;
    if (!cel) return [required(at)];
    const { expression } = cel;
    if (!expression) return [required(`${at}.expression`)];
    if (Buffer.byteLength(expression) > EXPRESSION_MAX) return [tooLong(`${at}.expression`, EXPRESSION_MAX)];
    const { problem } = compileExpression(overDevice, expression, [BOOL]);
    return problem === undefined ? [] : [invalidValue(`${at}.expression`, expression, problem)];
  });
}
