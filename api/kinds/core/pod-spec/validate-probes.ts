// Checks of probes and lifecycle hooks.
import type { Lifecycle, LifecycleHandler, Probe, ProbeHandler } from '../../../gen/types/core.v1.ts';
import { httpHeaderName, invalidValue, notSupported, type Problem, required } from '../../../meta/index.ts';
import { nonNegativeFields, texts } from '../../rules.ts';
import { validatePortNumberOrName } from '../ports.ts';
import { exclusive } from './checks.ts';

type Handler = ProbeHandler & LifecycleHandler;
const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;
const SCHEMES = ['HTTP', 'HTTPS'];

function validateHandler(handler: Handler, graceSeconds: number, path: string): Problem[] {
  const present = HANDLERS.filter((name) => handler[name]);
  if (present.length === 0) return [required(path, 'must specify a handler type')];
  return exclusive(present, path, 'handler', (name) =>
    validateOne(handler, name as (typeof HANDLERS)[number], graceSeconds, `${path}.${name}`),
  );
}

function validateOne(handler: Handler, name: (typeof HANDLERS)[number], graceSeconds: number, path: string): Problem[] {
  switch (name) {
    case 'exec':
      return handler.exec!.command?.length ? [] : [required(`${path}.command`)];
    case 'httpGet': {
      const { path: place, port, scheme = '', httpHeaders = [] } = handler.httpGet!;
      return [
        ...(place ? [] : [required(`${path}.path`)]),
        ...validatePortNumberOrName(`${path}.port`, port),
        ...(SCHEMES.includes(scheme) ? [] : [notSupported(`${path}.scheme`, scheme, SCHEMES)]),
        ...httpHeaders.flatMap((header) => texts(`${path}.httpHeaders`, header.name, httpHeaderName(header.name))),
      ];
    }
    case 'tcpSocket':
    case 'grpc':
      return validatePortNumberOrName(`${path}.port`, handler[name]!.port);
    case 'sleep': {
      const { seconds } = handler.sleep!;
      const text = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`;
      return seconds < 0 || seconds > graceSeconds ? [invalidValue(path, seconds, text)] : [];
    }
  }
}

const COUNTS = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'];

export function validateProbe(
  probe: Probe | undefined,
  kind: 'liveness' | 'readiness' | 'startup',
  graceSeconds: number,
  path: string,
): Problem[] {
  if (!probe) return [];
  const here = `${path}.${kind}Probe`;
  const problems = [...validateHandler(probe, graceSeconds, here), ...nonNegativeFields(probe, here, COUNTS)];
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0)
    problems.push(invalidValue(`${here}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  if (kind === 'readiness') {
    if (grace !== undefined)
      problems.push(invalidValue(`${here}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'));
  } else if (probe.successThreshold !== 1)
    problems.push(invalidValue(`${here}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'));
  return problems;
}

export function validateLifecycle(lifecycle: Lifecycle | undefined, graceSeconds: number, path: string): Problem[] {
  if (!lifecycle) return [];
  const here = `${path}.lifecycle`;
  const problems: Problem[] = [];
  for (const hook of ['postStart', 'preStop'] as const) {
    const handler = lifecycle[hook];
    if (handler) problems.push(...validateHandler(handler as Handler, graceSeconds, `${here}.${hook}`));
  }
  return problems;
}
