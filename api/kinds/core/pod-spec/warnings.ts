// What a pod spec says that is likely not meant.
import type { Container, ContainerPort, PodSpec } from '../../../gen/types/core.v1.ts';
import { goQuote, toMilli } from '../../../meta/index.ts';

const OLD_VOLUMES = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
] as const;

/** `path` is where the spec stands. */
export function podSpecWarnings(spec: PodSpec, path: string): string[] {
  const containers = placed(spec, path);
  return [
    ...(spec.topologySpreadConstraints ?? []).flatMap(({ labelSelector }, at) =>
      labelSelector ? [] : [`${path}.topologySpreadConstraints[${at}].labelSelector: a null labelSelector results in matching no pod`],
    ),
    ...(spec.volumes ?? []).flatMap((volume, at) =>
      OLD_VOLUMES.flatMap(([name, why]) =>
        volume[name] ? [`${path}.volumes[${at}].${name === 'storageos' ? 'storageOS' : name}: ${why}`] : [],
      ),
    ),
    ...(spec.volumes ?? []).flatMap(({ name, projected }) =>
      (projected?.sources ?? [])
        .filter((source) => Object.keys(source).length === 0)
        .map(() => `volume ${goQuote(name)} (Projected) has no sources provided`),
    ),
    ...repeated(spec.hostAliases ?? [], ({ ip }) => ip).map(([at, ip]) => `${path}.hostAliases[${at}].ip: duplicate ip ${goQuote(ip)}`),
    ...repeated(spec.imagePullSecrets ?? [], ({ name = '' }) => name).map(
      ([at, name]) => `${path}.imagePullSecrets[${at}].name: duplicate name ${goQuote(name)}`,
    ),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name }, at) =>
      name ? [] : [`${path}.imagePullSecrets[${at}].name: invalid empty name ""`],
    ),
    ...containers.flatMap(([place, container]) => containerWarnings(container, place)),
    ...portWarnings(containers),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [`${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`]
      : []),
  ];
}

/** Init containers first, as upstream walks. */
const placed = (spec: PodSpec, path: string): [string, Container][] =>
  (['initContainers', 'containers'] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, at): [string, Container] => [`${path}.${list}[${at}]`, container]),
  );

function repeated<T>(items: readonly T[], of: (item: T) => string): [number, string][] {
  const seen = new Set<string>();
  return items.flatMap((item, at): [number, string][] => {
    const key = of(item);
    if (seen.has(key)) return [[at, key]];
    seen.add(key);
    return [];
  });
}

/** Upstream counts in thousandths: what int64 does not hold is nothing, or of a binary suffix its lowest 64 bits. */
function isFractional(amount: string): boolean {
  const milli = toMilli(amount);
  const kept = BigInt.asIntN(64, milli);
  return (kept === milli || amount.endsWith('i') ? kept : 0n) % 1000n !== 0n;
}

function containerWarnings({ resources, env = [] }: Container, path: string): string[] {
  const warnings: string[] = [];
  for (const name of ['memory', 'ephemeral-storage']) {
    for (const list of ['limits', 'requests'] as const) {
      const amount = resources?.[list]?.[name];
      if (amount !== undefined && isFractional(amount)) {
        warnings.push(`${path}.resources.${list}[${name}]: fractional byte value ${goQuote(amount)} is invalid, must be an integer`);
      }
    }
  }
  for (const [at, name] of repeated(env, (variable) => variable.name)) {
    const { value = '', valueFrom } = env[at]!;
    const own = `$(${name})`;
    // A variable that builds on its former value is meant.
    if (!valueFrom && value !== own && value.includes(own)) continue;
    warnings.push(`${path}.env[${at}]: hides previous definition of ${goQuote(name)}, which may be dropped when using apply`);
  }
  return warnings;
}

function portWarnings(containers: readonly [string, Container][]): string[] {
  const ports = containers.flatMap(([path, { ports = [] }]) =>
    ports.map((port, at): [string, ContainerPort] => [`${path}.ports[${at}]`, port]),
  );
  const warnings = ports.flatMap(([place, { name = '', hostPort = 0, containerPort, protocol, hostIP }]) =>
    hostIP && !hostPort
      ? [
          `${place}: hostIP set without hostPort: {Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`,
        ]
      : [],
  );
  for (const [at, [place, port]] of ports.entries()) {
    for (const [otherPlace, other] of ports.slice(0, at)) {
      if (port.containerPort !== other.containerPort || port.protocol !== other.protocol) continue;
      const how = overlap(port, other);
      if (how) warnings.push(`${place}: ${how} port definition with ${otherPlace}`);
    }
  }
  const names = new Map<string, string>();
  for (const [place, { name }] of ports) {
    if (!name) continue;
    const other = names.get(name);
    if (other === undefined) names.set(name, place);
    else
      warnings.push(
        `${place}: duplicate port name ${goQuote(name)} with ${other}, services and probes that select ports by name will use ${other}`,
      );
  }
  return warnings;
}

function overlap(a: ContainerPort, b: ContainerPort): string | undefined {
  if ((a.hostIP ?? '') === (b.hostIP ?? '') && (a.hostPort ?? 0) === (b.hostPort ?? 0)) return 'duplicate';
  if (!a.hostPort || !b.hostPort) return 'overlapping';
  return a.hostPort === b.hostPort && !a.hostIP !== !b.hostIP ? 'dangerously ambiguous' : undefined;
}
