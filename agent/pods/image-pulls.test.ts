// What a pull policy asks for, with kubelet's reasons, messages and events; credentials; back-off.
import { beforeEach, expect, test } from 'vitest';
import type { Container, Pod } from '../../api/gen/types/core.v1.ts';
import type { EventRecorder } from '../../kit/client/index.ts';
import { type Cri, CriError, type Image, type PullCredential, type RegistryAuth } from '../cri/index.ts';
import { type ImageAccess, ImagePulls } from './image-pulls.ts';
import { PodEvents } from './pod-events.ts';

const NAME = 'a.io/x:1';
const image = { id: 'sha256:1', repoTags: [NAME], repoDigests: [], sizeBytes: 7 } as unknown as Image;
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', uid: 'u' }, spec: { containers: [{ name: 'c' }] } } as unknown as Pod;
const container = (imagePullPolicy: string, name = NAME) => ({ name: 'c', image: name, imagePullPolicy }) as Container;

let nowMs: number;
let present: boolean;
let events: string[];
let asked: (RegistryAuth | undefined)[];
let answer: (auth: RegistryAuth | undefined) => void;
let credentials: PullCredential[];
let isOpen: boolean;
let noted: string[];
let pulls: ImagePulls;
beforeEach(() => {
  [nowMs, present, events, asked, credentials, isOpen, noted] = [0, false, [], [], [], true, []];
  answer = () => {};
  const cri = {
    imageStatus: async (name: string) => {
      if (name === 'A b') throw new CriError('InvalidImageName', `couldn't parse image name "A b": invalid reference format`);
      return present ? image : undefined;
    },
    pullImage: async (_: string, auth: RegistryAuth | undefined) => {
      asked.push(auth);
      answer(auth);
      present = true;
      return image.id;
    },
  } as unknown as Cri;
  const recorder = {
    record: (_: unknown, type: string, reason: string, message: string) => void events.push(`${type} ${reason} ${message}`),
  } as unknown as EventRecorder;
  const clock = { nowMs: () => nowMs, sleep: async () => {} };
  const access: ImageAccess = {
    isOpenTo: async () => isOpen,
    async pulling(name) {
      noted.push(`begin ${name}`);
      return {
        async [Symbol.asyncDispose]() {
          noted.push('end');
        },
      };
    },
    async pulled(name, id, credential) {
      noted.push(`${name} is ${id} for ${credential?.owner?.name ?? credential?.auth.username ?? 'all'}`);
    },
  };
  pulls = new ImagePulls({ cri, clock, access, events: new PodEvents(recorder), credentials: async () => credentials });
});

const PULLED = 'Normal Pulled Successfully pulled image "a.io/x:1" in 0s (0s including waiting). Image size: 7 bytes.';
const THERE = 'Normal Pulled Container image "a.io/x:1" already present on machine and can be accessed by the pod';

test.each([
  ['Always', false, ['Normal Pulling Pulling image "a.io/x:1"', PULLED]],
  ['Always', true, ['Normal Pulling Pulling image "a.io/x:1"', PULLED]],
  ['IfNotPresent', false, ['Normal Pulling Pulling image "a.io/x:1"', PULLED]],
  ['IfNotPresent', true, [THERE]],
  ['Never', true, [THERE]],
])('%s, and there before: %s', async (policy, there, told) => {
  present = there;
  expect(await pulls.ensure(pod, container(policy))).toBe(image);
  expect(events).toEqual(told);
});

test('Never and not there', async () => {
  const message = 'Container image "a.io/x:1" is not present with pull policy of Never';
  await expect(pulls.ensure(pod, container('Never'))).rejects.toMatchObject({ reason: 'ErrImageNeverPull', message });
  expect(events).toEqual([`Warning ErrImageNeverPull ${message}`, 'Warning Failed Error: ErrImageNeverPull']);
});

test('a name that is none', async () => {
  const message = `Failed to apply default image tag "A b": couldn't parse image name "A b": invalid reference format`;
  await expect(pulls.ensure(pod, container('Always', 'A b'))).rejects.toMatchObject({ reason: 'InvalidImageName', message });
  expect(events).toEqual([`Warning InspectFailed ${message}`, 'Warning Failed Error: InvalidImageName']);
});

test.each(['ErrImagePull', 'RegistryUnavailable'] as const)('a pull that fails (%s), then waits, then works', async (reason) => {
  answer = () => {
    throw new CriError(reason, 'broken');
  };
  await expect(pulls.ensure(pod, container('Always'))).rejects.toMatchObject({ reason: 'ErrImagePull', message: 'broken' });
  expect(events).toEqual([
    'Normal Pulling Pulling image "a.io/x:1"',
    'Warning Failed Failed to pull image "a.io/x:1": broken',
    'Warning Failed Error: ErrImagePull',
  ]);
  events.length = 0;
  await expect(pulls.ensure(pod, container('Always'))).rejects.toMatchObject({
    reason: 'ImagePullBackOff',
    message: 'Back-off pulling image "a.io/x:1": ErrImagePull: broken',
    retryMs: 10_000,
  });
  expect(events).toEqual(['Normal BackOff Back-off pulling image "a.io/x:1"', 'Warning Failed Error: ImagePullBackOff']);
  expect(asked).toHaveLength(1);
  nowMs = 10_000;
  answer = () => {};
  expect(await pulls.ensure(pod, container('Always'))).toBe(image);
});

const users = (...names: string[]): PullCredential[] => names.map((username) => ({ auth: { username } }));

test('an image that is there, but not for this pod, is pulled again; Never does not tell that it is there', async () => {
  [present, isOpen] = [true, false];
  await expect(pulls.ensure(pod, container('Never'))).rejects.toMatchObject({
    reason: 'ErrImageNeverPull',
    message: 'Container image "a.io/x:1" is not present with pull policy of Never',
  });
  expect(asked).toEqual([]);
  const owner = { kind: 'Secret', uid: '1', namespace: 'n', name: 'door' } as const;
  credentials = [...users('bad'), { auth: { username: 'good' }, owner }];
  answer = (auth) => {
    if (auth?.username !== 'good') throw new CriError('ErrImagePull', 'denied');
  };
  await pulls.ensure(pod, container('IfNotPresent'));
  expect(noted).toEqual(['begin a.io/x:1', 'a.io/x:1 is sha256:1 for door', 'end']);
  credentials = [];
  noted.length = 0;
  await expect(pulls.ensure(pod, container('IfNotPresent'))).rejects.toMatchObject({ reason: 'ErrImagePull', message: 'denied' });
  expect(noted).toEqual(['begin a.io/x:1', 'end']);
});

test('credentials are tried one after the other, and none only where there are none', async () => {
  credentials = users('bad', 'good', 'further');
  answer = (auth) => {
    if (auth?.username !== 'good') throw new CriError('ErrImagePull', `no ${auth?.username}`);
  };
  await pulls.ensure(pod, container('Always'));
  expect(asked.map((auth) => auth?.username)).toEqual(['bad', 'good']);
  credentials = users('a', 'b', 'b');
  asked.length = 0;
  await expect(pulls.ensure(pod, container('Always'))).rejects.toMatchObject({ message: '[no a, no b]' });
  expect(asked).toHaveLength(3);
  credentials = [];
  nowMs = 10_000;
  answer = () => {};
  await pulls.ensure(pod, container('Always'));
  expect(asked.at(-1)).toBeUndefined();
});
