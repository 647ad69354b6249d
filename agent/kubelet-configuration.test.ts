import { expect, test } from 'vitest';
import type { AgentConfig } from './config.ts';
import { kubeletConfiguration } from './kubelet-configuration.ts';

test('what is set is what is shown', () => {
  const settings = {
    cgroupDriver: 'systemd',
    containerLogMaxBytes: 10 * 1024 * 1024,
    containerLogMaxFiles: 3,
    maxPods: 42,
    podPidsLimit: 100,
    imageMinimumGCAgeMs: 120_000,
    imageMaximumGCAgeMs: 0,
    imagePullCredentialsVerificationPolicy: 'NeverVerifyAllowlistedImages',
    preloadedImagesVerificationAllowlist: ['a.io/*'],
    shutdownGracePeriodMs: 30_000,
    shutdownGracePeriodCriticalPodsMs: 10_000,
    shutdownGracePeriodByPodPriority: [],
    reserved: { cpu: '200m' },
    eviction: {
      hard: { 'memory.available': '500Mi' },
      soft: { 'memory.available': '1Gi' },
      softGraceMs: { 'memory.available': 90_000 },
      minimumReclaim: {},
      transitionMs: 300_000,
      podGraceSecondsMax: 7,
    },
  } as unknown as AgentConfig;
  expect(kubeletConfiguration(settings)).toMatchObject({
    kind: 'KubeletConfiguration',
    cgroupDriver: 'systemd',
    containerLogMaxSize: '10Mi',
    containerLogMaxFiles: 3,
    maxPods: 42,
    podPidsLimit: 100,
    imageMinimumGCAge: '2m0s',
    imageMaximumGCAge: '0s',
    imagePullCredentialsVerificationPolicy: 'NeverVerifyAllowlistedImages',
    preloadedImagesVerificationAllowlist: ['a.io/*'],
    shutdownGracePeriod: '30s',
    shutdownGracePeriodCriticalPods: '10s',
    systemReserved: { cpu: '200m' },
    evictionHard: { 'memory.available': '500Mi' },
    evictionSoftGracePeriod: { 'memory.available': '1m30s' },
    evictionPressureTransitionPeriod: '5m0s',
    evictionMaxPodGracePeriod: 7,
  });
});
