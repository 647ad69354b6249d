import { expect, test } from 'vitest';
import { linkName } from './links.ts';

const record = (pod: string, name: string) => ({
  id: 'abc',
  metadata: { name, attempt: 0 },
  labels: { 'io.kubernetes.pod.name': pod, 'io.kubernetes.pod.namespace': 'ns' },
});

test("links are named as collectors' patterns expect", () => expect(linkName(record('web', 'c'))).toBe('web_ns_c-abc.log'));
test('a name is cut to what fits a folder', () => {
  const name = linkName(record('p'.repeat(253), 'c'));
  expect(name).toHaveLength(255);
  expect(name).toMatch(/p_\.log$|p\.log$/);
});
