// Time from exec of `wherry up` to a cluster in which a pod can be scheduled; idle memory and processor time afterwards.

import { run } from '../kit/exec/index.ts';
import { systemClock } from '../kit/run/index.ts';
import { cpuSeconds, down, pssBytes, status } from '../rig/index.ts';
import { report, reportSamples, timed } from './measure.ts';

const bench = 'up';
const wherry = new URL('../scripts/wherry', import.meta.url).pathname;
for (const nodes of [1, 3, 10]) {
  const samples: number[] = [];
  for (let i = 0; i < (nodes === 10 ? 3 : 7); i++) {
    await down('bench-up');
    samples.push(await timed(() => run(wherry, ['up', '--name', 'bench-up', '--nodes', String(nodes)], { timeoutMs: 120_000 })));
  }
  reportSamples(bench, `wherry up, ${nodes} node(s)`, samples);
  if (nodes !== 1) continue;
  await systemClock.sleep(15_000); // start-up work is over: what follows is rest
  const parts = (await status('bench-up')).filter((p) => p.pid !== undefined);
  const before = parts.map((p) => cpuSeconds(p.pid!));
  const seconds = 30;
  await systemClock.sleep(seconds * 1000);
  let total = 0;
  parts.forEach((part, i) => {
    total += pssBytes(part.pid!);
    report({ bench, what: `idle memory of ${part.part} (PSS)`, unit: 'MB', value: pssBytes(part.pid!) / 1e6 });
    report({
      bench,
      what: `idle processor time of ${part.part}`,
      unit: '%',
      value: ((cpuSeconds(part.pid!) - before[i]!) / seconds) * 100,
    });
  });
  report({ bench, what: 'idle memory, all (PSS)', unit: 'MB', value: total / 1e6 });
}
await down('bench-up');
