import { expect, test } from 'vitest';
import { VolumeSetupError } from './failure.ts';
import { VolumeProblem, type VolumeStage } from './payload.ts';

test.each([
  ['NodeAffinity', false, 'FailedMount', 'MountVolume.NodeAffinity check failed for volume "v" : no'],
  ['NodeAffinity', true, 'FailedMount', 'MapVolume.NodeAffinity check failed for volume "v" : no'],
  ['NewMounter', false, 'FailedMount', 'MountVolume.NewMounter initialization failed for volume "v" : no'],
  ['MountDevice', true, 'FailedMapVolume', 'MapVolume.SetUpDevice failed for volume "v" : no'],
  ['exclusive', false, 'FailedMount', 'MountVolume.SetUp failed for volume "v" : no'],
  ['exclusive', true, 'FailedMapVolume', 'MapVolume.SetUpDevice failed for volume "v" : no'],
  ['expand', false, 'FailedMount', 'MountVolume.Setup failed while expanding volume for volume "v" : no'],
] satisfies [VolumeStage, boolean, string, string][])('%s, block device: %s', (stage, isBlock, reason, message) => {
  expect(new VolumeSetupError('v', new VolumeProblem('no', stage), isBlock)).toMatchObject({ reason, message, isWaiting: false });
});

test('what waits to be attached is no failure yet', () => {
  const error = new VolumeSetupError('v', new VolumeProblem('no', 'attach'), true);
  expect(error).toMatchObject({ reason: 'FailedMount', isWaiting: true });
  expect(error.message).toContain('unattached volumes=[v]');
});

test('anything else failed while it was set up', () => {
  expect(new VolumeSetupError('v', new Error('disk on fire'), true).message).toBe(
    'MapVolume.MapPodDevice failed for volume "v" : disk on fire',
  );
});
