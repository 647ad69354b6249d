// What a report of Ginkgo says: counts by the group that owns a title, and why titles did not pass.

/** The part of a report (`--ginkgo.json-report`) that is read. */
export interface SuiteReport {
  SpecReports: readonly SpecReport[] | null;
}

interface SpecReport {
  ContainerHierarchyTexts: readonly string[] | null;
  LeafNodeText: string;
  /** `It` is a title; others prepare and clean up around them. */
  LeafNodeType: string;
  State: string;
  Failure?: { Message?: string };
}

interface Counts {
  passed: number;
  failed: number;
  /** Titles that looked at the cluster and found that they do not apply. */
  unsuited: number;
}

/** Why a title, or what surrounds all of them, did not pass. */
interface Failure {
  title: string;
  state: string;
  message: string;
}

export interface Summary {
  groups: Map<string, Counts>;
  failures: Failure[];
}

const MESSAGE_LINES = 8;

/** A title that the filters left out is skipped without a reason: it is no result. */
const chosen = (spec: SpecReport): boolean => spec.State !== 'pending' && (spec.State !== 'skipped' || Boolean(spec.Failure?.Message));

export function summarize(reports: readonly SuiteReport[]): Summary {
  const groups = new Map<string, Counts>();
  const failures: Failure[] = [];
  for (const spec of reports.flatMap((report) => report.SpecReports ?? [])) {
    if (!chosen(spec)) continue;
    const title = [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(' ').trim();
    const failed = spec.State !== 'passed' && spec.State !== 'skipped';
    if (failed) {
      const message = (spec.Failure?.Message ?? '').split('\n').slice(0, MESSAGE_LINES).join('\n');
      failures.push({ title: title || spec.LeafNodeType, state: spec.State, message });
    }
    if (spec.LeafNodeType !== 'It') continue;
    const group = /\[(sig-[a-z-]+)\]/.exec(title)?.[1] ?? 'others';
    const counts = groups.get(group) ?? { passed: 0, failed: 0, unsuited: 0 };
    groups.set(group, counts);
    counts[failed ? 'failed' : spec.State === 'passed' ? 'passed' : 'unsuited']++;
  }
  return { groups, failures };
}

/** As text: why titles failed, then the table that docs/e2e.md has. */
export function render({ groups, failures }: Summary): string {
  const why = failures.map(({ title, state, message }) => `--- ${state}: ${title}\n${message.replaceAll(/^/gm, '    ')}\n`);
  const rows = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, c]) => `| ${group} | ${c.passed} | ${c.failed} | ${c.unsuited} |`);
  return [...why, '| group | passed | failed | do not apply |', '|---|---|---|---|', ...rows].join('\n');
}
