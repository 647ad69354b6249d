// Problems of compilation and of evaluation, in the words of cel-go.

export interface Problem {
  /** Offset in code points. */
  readonly at: number;
  readonly message: string;
}

/** The expression does not compile. `message` shows each problem with its place. */
export class CompileError extends Error {
  override readonly name = 'CompileError';
  readonly problems: readonly Problem[];
  constructor(source: string, problems: readonly Problem[]) {
    super(show(source, problems));
    this.problems = problems;
  }
}

/** Evaluation failed: the expression's own error ("no such key: x"). `&&`, `||` and the quantifiers may absorb it. */
export class CelError extends Error {
  override readonly name: string = 'CelError';
}

/** The budget is used up; nothing absorbs this. */
export class CostLimitError extends CelError {
  override readonly name = 'CostLimitError';
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

const PROBLEMS_MAX = 100;

function show(source: string, problems: readonly Problem[]): string {
  const lines = source.split('\n').map((line) => [...line]);
  const sorted = [...problems].sort((a, b) => a.at - b.at).slice(0, PROBLEMS_MAX);
  const texts = sorted.map((problem) => {
    let line = 0;
    let column = problem.at;
    while (line < lines.length - 1 && column > lines[line]!.length) column -= lines[line++]!.length + 1;
    return `ERROR: <input>:${line + 1}:${column + 1}: ${problem.message}${snippet(lines[line]!, column)}`;
  });
  if (problems.length > PROBLEMS_MAX) texts.push(`${problems.length - PROBLEMS_MAX} more errors were truncated`);
  return texts.join('\n');
}

/** The line, and under it an arrow; wide characters get wide dots. */
function snippet(line: readonly string[], column: number): string {
  const wide = (char: string | undefined): boolean => char !== undefined && char.codePointAt(0)! > 0x7f;
  const dots = line.slice(0, column).map((char) => (wide(char) ? '．' : '.'));
  return `\n | ${line.join('').replaceAll('\t', ' ')}\n | ${dots.join('')}${wide(line[column]) ? '＾' : '^'}`;
}
