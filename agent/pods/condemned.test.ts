import { expect, test } from 'vitest';
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import type { ContainerStatus } from '../cri/index.ts';
import { Condemned } from './condemned.ts';
import { IMAGE_ANNOTATION } from './names.ts';

const record = (name: string, image = 'old'): ContainerStatus =>
  ({
    id: `${name}0`,
    metadata: { name, attempt: 0 },
    state: 'running',
    annotations: { [IMAGE_ANNOTATION]: image },
  }) as unknown as ContainerStatus;

test('a changed image ends containers and sidecars, but no init container', () => {
  const named = (name: string): Container => ({ name, image: 'new' });
  const pod: Pod = {
    metadata: { name: 'p' },
    spec: { initContainers: [named('init'), { ...named('side'), restartPolicy: 'Always' }], containers: [named('main'), named('same')] },
  };
  const condemned = new Condemned();
  condemned.byChange(pod, [record('init'), record('side'), record('main'), record('same', 'new')]);
  expect([...condemned.ids]).toEqual(['side0', 'main0']);
  expect([...condemned.comeBack]).toEqual(['side0', 'main0']);
  condemned.ended('main0');
  expect([[...condemned.ids], [...condemned.comeBack]]).toEqual([['side0'], ['side0', 'main0']]);
  expect(condemned.sentence('side0')?.message).toBe('Container side definition changed, will be restarted');
});
