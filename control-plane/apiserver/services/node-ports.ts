// Node ports: one number may serve several protocols of one Service, never two Services.
import { randomInt } from 'node:crypto';
import type { Service, ServiceSpec } from '../../../api/gen/types/core.v1.ts';
import { internalError, invalidValue, type Problem } from '../../../api/meta/index.ts';
import { bandOf, Pool } from './pool.ts';

const FIRST = 30_000;
const LAST = 32_767;
const SIZE = LAST - FIRST + 1;

const wantsPorts = (spec: ServiceSpec): boolean =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
const wantsHealthPort = (spec: ServiceSpec): boolean => spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

export class NodePorts {
  readonly #pool = new Pool(FIRST, SIZE, bandOf(SIZE, 32, 128), randomInt);

  hold(service: Service): void {
    for (const port of portsOf(service.spec)) this.#pool.take(port);
  }

  /** Fills the node ports of the Service in. `taken` gets what was newly taken. */
  allocate(service: Service, old: Service | undefined, taken: number[]): Problem[] {
    const spec = service.spec!;
    const problems: Problem[] = [];
    const own = new Set(portsOf(old?.spec));
    const used = new Set<string>();
    const byPort = new Map<number, number>();
    const claim = (value: number, field: string): boolean => {
      if (own.has(value)) return true;
      if (!this.#pool.contains(value)) {
        problems.push(invalidValue(field, value, `provided port is not in the valid range. The range of valid ports is ${FIRST}-${LAST}`));
        return false;
      }
      if (!this.#pool.take(value)) {
        problems.push(invalidValue(field, value, 'provided port is already allocated'));
        return false;
      }
      own.add(value);
      taken.push(value);
      return true;
    };
    if (spec.type === 'NodePort' || spec.type === 'LoadBalancer')
      (spec.ports ?? []).forEach((port, at) => {
        if (!port.nodePort || problems.length) return;
        const field = `spec.ports[${at}].nodePort`;
        const key = `${port.nodePort}/${port.protocol}`;
        if (used.has(key)) problems.push(invalidValue(field, port.nodePort, 'provided port is already allocated'));
        else if (claim(port.nodePort, field)) byPort.set(port.port, port.nodePort);
        used.add(key);
      });
    if (wantsPorts(spec))
      (spec.ports ?? []).forEach((port, at) => {
        if (port.nodePort) return;
        const shared = byPort.get(port.port);
        const sameProtocol = (spec.ports ?? []).some(
          (other) => other !== port && other.nodePort === shared && other.protocol === port.protocol,
        );
        const value = shared !== undefined && !sameProtocol ? shared : this.#pool.any();
        if (value === undefined) {
          problems.push(invalidValue(`spec.ports[${at}].nodePort`, 0, 'failed to allocate a nodePort: range is full'));
          return;
        }
        if (value !== shared) taken.push(value);
        own.add(value);
        byPort.set(port.port, value);
        port.nodePort = value;
      });
    if (wantsHealthPort(spec)) {
      const wanted = spec.healthCheckNodePort;
      if (wanted) {
        if (!claim(wanted, 'spec.healthCheckNodePort')) {
          const why = problems.at(-1)!.message.replace(/^Invalid value: -?\d+: /, '');
          throw internalError(`failed to allocate requested HealthCheck NodePort ${wanted}: ${why}`);
        }
      } else {
        const value = this.#pool.any();
        if (value !== undefined) {
          taken.push(value);
          spec.healthCheckNodePort = value;
        }
      }
    }
    return problems;
  }

  release(ports: readonly number[]): void {
    for (const port of ports) this.#pool.release(port);
  }
}

export function portsOf(spec: ServiceSpec | undefined): number[] {
  if (spec === undefined) return [];
  const ports = (spec.ports ?? []).map((port) => port.nodePort ?? 0);
  return [...new Set([...ports, spec.healthCheckNodePort ?? 0])].filter((port) => port !== 0);
}
