// Differences of refused updates; line numbers and order are those of the server's inner structs.
import { expect, test } from 'vitest';
import { goDiff } from './go-diff.ts';

const pod = (value: string) => ({
  volumes: [{ name: 'v', emptyDir: {} }],
  initContainers: [{ name: 'i', image: 'img:1', resources: {} }],
  containers: [{ name: 'c', image: 'img:1', env: [{ name: 'A', value }], resources: { requests: { cpu: '100m' } } }],
});

test('a changed line with three around it, counted in the whole struct', () => {
  expect(goDiff(pod('1'), pod('2'), 'PodSpec').split('\n')).toEqual([
    '@@ -82,7 +82,7 @@',
    '    "Env": [',
    '     {',
    '      "Name": "A",',
    '-     "Value": "1",',
    '+     "Value": "2",',
    '      "ValueFrom": null',
    '     }',
    '    ],',
    '',
  ]);
});

test('changes far from each other have parts of their own, near ones share one', () => {
  const claim = (mode: string, name: string, className: string) => ({
    accessModes: [mode],
    resources: { requests: { storage: '1Gi' } },
    volumeName: name,
    volumeAttributesClassName: className,
  });
  const parts = (a: object, b: object) => goDiff(a, b, 'PersistentVolumeClaimSpec').match(/^@@.*@@$/gm);
  expect(parts(claim('a', 'x', 'p'), claim('b', 'x', 'q'))).toEqual(['@@ -1,6 +1,6 @@', '@@ -14,5 +14,5 @@']);
  expect(parts(claim('a', 'x', 'p'), claim('a', 'y', 'q'))).toEqual(['@@ -9,10 +9,10 @@']);
});

test('what is the same has no difference, what is new is all lines that come', () => {
  expect(goDiff(pod('1'), pod('1'), 'PodSpec')).toBe('');
  expect(goDiff({ claims: null }, { claims: [] }, 'ResourceRequirements')).toBe(
    '@@ -1,5 +1,5 @@\n {\n  "Limits": null,\n  "Requests": null,\n- "Claims": null\n+ "Claims": []\n }\n',
  );
});
