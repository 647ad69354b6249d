// The kinds of pods that come and go: each has something of its own that must be given back.
import type { Container, PodSpec } from '../../api/gen/types/core.v1.ts';

const image = 'wherry/tools:1';
const forever = ['sh', '-c', "trap 'exit 0' TERM; sleep infinity & wait"];

/** `serial`: a number that no other pod has. */
type Kind = (serial: number) => { container?: Partial<Container>; spec?: Partial<PodSpec> };

export const KINDS: Readonly<Record<string, Kind>> = {
  plain: () => ({}),
  sidecar: () => ({
    spec: {
      initContainers: [
        { name: 'first', image, command: ['true'] },
        { name: 'beside', image, command: forever, restartPolicy: 'Always' },
      ],
    },
  }),
  volumes: () => ({
    container: { volumeMounts: ['memory', 'disk', 'map'].map((name) => ({ name, mountPath: `/${name}` })) },
    spec: {
      securityContext: { fsGroup: 4242 },
      volumes: [
        { name: 'memory', emptyDir: { medium: 'Memory' } },
        { name: 'disk', emptyDir: {} },
        { name: 'map', configMap: { name: 'kube-root-ca.crt' } },
      ],
    },
  }),
  'part of a volume': () => ({
    container: { volumeMounts: [{ name: 'disk', mountPath: '/part', subPath: 'a/b' }] },
    spec: { volumes: [{ name: 'disk', emptyDir: {} }] },
  }),
  'an image as volume': () => ({
    container: { volumeMounts: [{ name: 'image', mountPath: '/image' }] },
    spec: { volumes: [{ name: 'image', image: { reference: 'wherry/nginx:1' } }] },
  }),
  'shared processes': () => ({ spec: { shareProcessNamespace: true } }),
  'users of its own': () => ({ spec: { hostUsers: false } }),
  'a port of the node': (serial) => ({ container: { ports: [{ containerPort: 80, hostPort: 30_000 + (serial % 2000) }] } }),
  crashing: () => ({ container: { command: ['sh', '-c', 'sleep 1; exit 1'] } }),
  'done at once': () => ({ container: { command: ['true'] }, spec: { restartPolicy: 'Never' } }),
};

export const limits = (cpu: string, memory: string) => ({
  requests: { cpu: '10m', memory: '16Mi' },
  limits: { cpu, memory },
});

export function podSpec(kind: string, nodeName: string, serial: number, graceSeconds: number): PodSpec {
  const { container, spec } = KINDS[kind]!(serial);
  return {
    nodeName,
    terminationGracePeriodSeconds: graceSeconds,
    containers: [{ name: 'c', image, command: forever, resources: limits('100m', '64Mi'), ...container }],
    ...spec,
  };
}
