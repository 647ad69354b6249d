// Probes of every kind against a server in the pod: what makes a container ready, and what its events say when it is not.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Probe } from '../../api/gen/types/core.v1.ts';
import { RESOURCES } from '../../kit/client/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { type Cluster, startCluster } from '../../rig/index.ts';
import { namespace, type PodObject, podsOf } from './pods-of.ts';

const image = 'wherry/tools:1';

/** By pod: its readiness probe, and what an event of it says; ready unless the event is `Unhealthy`. */
const PROBES: readonly [name: string, probe: Probe, event?: [reason: 'Unhealthy' | 'ProbeWarning', message: RegExp]][] = [
  ['same', { httpGet: { port: 8080, path: '/same' } }],
  ['big', { httpGet: { port: 8080, path: '/big' } }],
  [
    'elsewhere',
    { httpGet: { port: 8080, path: '/elsewhere' } },
    ['ProbeWarning', /^Readiness probe warning: Probe terminated redirects, Response body: gone$/],
  ],
  [
    'silent',
    { httpGet: { port: 8080, path: '/silent' } },
    [
      'Unhealthy',
      /^Readiness probe failed: Get "http:\/\/[\d.]+:8080\/silent": context deadline exceeded \(Client\.Timeout exceeded while awaiting headers\)$/,
    ],
  ],
  ['https', { httpGet: { port: 8443, scheme: 'HTTPS' } }],
  [
    'plain',
    { httpGet: { port: 8080, scheme: 'HTTPS' } },
    ['Unhealthy', /^Readiness probe failed: Get "https:\/\/[\d.]+:8080\/": http: server gave HTTP response to HTTPS client$/],
  ],
  [
    'unnamed',
    { httpGet: { port: 'web' } },
    ['Unhealthy', /^Readiness probe errored and resulted in unknown state: strconv\.Atoi: parsing "web": invalid syntax$/],
  ],
  ['tcp', { tcpSocket: { port: 8080 } }],
  ['grpc', { grpc: { port: 9000 } }],
  ['grpc-up', { grpc: { port: 9000, service: 'up' } }],
  [
    'grpc-down',
    { grpc: { port: 9000, service: 'down' } },
    ['Unhealthy', /^Readiness probe failed: service unhealthy \(responded with "NOT_SERVING"\)$/],
  ],
  [
    'grpc-nobody',
    { grpc: { port: 9000, service: 'nobody' } },
    ['Unhealthy', /^Readiness probe failed: error: health rpc probe failed: rpc error: code = NotFound desc = unknown service$/],
  ],
  [
    'grpc-closed',
    { grpc: { port: 9001 } },
    ['Unhealthy', /^Readiness probe failed: timeout: failed to connect service "[\d.]+:9001" within 1s: context deadline exceeded$/],
  ],
  ['command', { exec: { command: ['true'] } }],
  [
    'no-command',
    { exec: { command: ['/no/such'] } },
    ['Unhealthy', /^Readiness probe errored and resulted in unknown state: .*\/no\/such/],
  ],
];

/** Those that nobody answers: waiting for their timeout has an end. The others never come to theirs. */
const UNANSWERED = new Set(['silent', 'grpc-closed']);

describe('probes', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  const { create, get, until, eventsOf } = podsOf(() => cluster);
  const isReady = ({ status }: PodObject) => status?.containerStatuses?.[0]?.ready === true;

  /** All in the node's own network, where one server answers them. */
  describe('of every kind', () => {
    beforeAll(async () => {
      const command = ['chroot', '/machine', process.execPath, join(import.meta.dirname, 'probe-server.ts')];
      const volumeMounts = [{ name: 'machine', mountPath: '/machine', readOnly: true }];
      const readinessProbe = { tcpSocket: { port: 9000 }, periodSeconds: 1 };
      const containers = [{ name: 'c', image, command, volumeMounts, readinessProbe }];
      await create('server', { hostNetwork: true, containers, volumes: [{ name: 'machine', hostPath: { path: '/' } }] });
      await until('server', 'to listen', isReady);
      for (const [name, probe] of PROBES) {
        const readinessProbe = { periodSeconds: 1, timeoutSeconds: UNANSWERED.has(name) ? 1 : 20, ...probe };
        await create(name, { hostNetwork: true, containers: [{ name: 'c', image, command: ['sleep', '1000'], readinessProbe }] });
      }
    });

    test.each(PROBES)('%s', async (name, _, event) => {
      const [reason, message] = event ?? [];
      if (reason !== 'Unhealthy') await until(name, 'to be ready', isReady);
      if (!message) return;
      await waitFor({ what: `${reason} of ${name}`, timeoutMs: 120_000, everyMs: 100 }, async () =>
        (await eventsOf(name)).some((one) => one.reason === reason && message.test(one.message ?? '')),
      );
      if (reason !== 'Unhealthy') return;
      const { status } = await get(name);
      expect(status?.containerStatuses?.[0]).toMatchObject({ ready: false, restartCount: 0 });
    });
  });

  test("a liveness probe's own grace goes before the pod's", async () => {
    await create('deaf', {
      terminationGracePeriodSeconds: 3600,
      containers: [
        {
          name: 'stubborn',
          image,
          command: ['sh', '-c', "trap '' TERM; while :; do sleep 1; done"],
          livenessProbe: { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 1, terminationGracePeriodSeconds: 1 },
        },
      ],
    });
    const { status } = await until('deaf', 'to be restarted', (pod) => (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0);
    expect(status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
    expect((await eventsOf('deaf')).map(({ message }) => message)).toContain('Container stubborn failed liveness probe, will be restarted');
    await cluster.client.delete(RESOURCES.pods, 'deaf', { namespace, gracePeriodSeconds: 0 });
  });
});
