import { expect, test } from 'vitest';
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { pageBytesOf } from './huge-pages.ts';

const pod = (...names: string[]): Pod => ({
  metadata: {},
  spec: { containers: names.map((name) => ({ name: 'c', resources: { limits: { [name]: '4Mi' } } })) },
});

test.each([
  ['HugePages', ['hugepages-2Mi', 'cpu'], 2 << 20],
  ['HugePages-1Gi', ['hugepages-2Mi', 'hugepages-1Gi'], 1 << 30],
])('%s with %j', (medium, names, bytes) => {
  expect(pageBytesOf(medium, pod(...names))).toBe(bytes);
});

test.each([
  ['HugePages', ['hugepages-2Mi', 'hugepages-1Gi'], "medium: HugePages can't be used if container requests multiple huge page sizes"],
  ['HugePages', ['cpu'], 'medium HugePages: hugePages storage requested, but there is no resource request for huge pages'],
  [
    'HugePages-1Gi',
    ['hugepages-2Mi'],
    'medium HugePages-1Gi: hugePages storage requested, but there is no resource request for huge pages',
  ],
])('%s with %j is refused', (medium, names, message) => {
  expect(() => pageBytesOf(medium, pod(...names))).toThrow(message);
});
