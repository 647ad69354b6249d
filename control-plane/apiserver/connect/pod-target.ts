// Which container of which node an exec, attach, log or port-forward request is about. Pure.
import { badRequest, invalid, type KubeObject, type Problem } from '../../../api/meta/index.ts';

interface Named {
  name: string;
}

const namesIn = (list: unknown): string[] => ((list ?? []) as Named[]).map((item) => item.name);

/** The container that is meant. @throws StatusError 400 when there are several to choose from, or none of that name */
export function containerOf(pod: KubeObject, asked: string): string {
  const { name } = pod.metadata;
  const containers = namesIn(pod['spec'].containers);
  const init = namesIn(pod['spec'].initContainers);
  if (asked !== '') {
    if ([...containers, ...init, ...namesIn(pod['spec'].ephemeralContainers)].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  if (containers.length === 1) return containers[0]!;
  const preferred = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (preferred !== undefined && containers.includes(preferred)) return preferred;
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${[...init, ...containers].join(' ')}]`);
}

/** Query booleans: absent is false, and so are `false` and `0`; anything else is true. */
export const flag = (query: URLSearchParams, name: string): boolean => {
  const value = query.get(name);
  return value !== null && value.toLowerCase() !== 'false' && value !== '0';
};

/** The agent's query of an exec or attach session. */
export function streamQuery(query: URLSearchParams, withCommand: boolean): URLSearchParams {
  const result = new URLSearchParams();
  for (const [asked, agents] of [
    ['stdin', 'input'],
    ['stdout', 'output'],
    ['stderr', 'error'],
    ['tty', 'tty'],
  ] as const)
    if (flag(query, asked)) result.set(agents, '1');
  if (withCommand) for (const part of query.getAll('command')) result.append('command', part);
  return result;
}

/** @throws StatusError 400 for a port that is not a number */
export function portQuery(query: URLSearchParams): URLSearchParams {
  const result = new URLSearchParams();
  for (const port of query.getAll('ports').flatMap((item) => item.split(','))) {
    if (!/^\d+$/.test(port))
      throw badRequest(`cannot convert to []int32: strconv.ParseUint: parsing ${JSON.stringify(port)}: invalid syntax`);
    result.append('port', port);
  }
  return result;
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^[+-]?\d+$/.test(value)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  return Number(value);
}

/** The agent's query of a log request. @throws StatusError 400 or 422 as upstream's validation of PodLogOptions */
export function logQuery(query: URLSearchParams, podName: string): URLSearchParams {
  const result = new URLSearchParams();
  for (const name of ['follow', 'previous', 'timestamps']) if (flag(query, name)) result.set(name, 'true');
  const problems: Problem[] = [];
  const number = (name: string, minimum: number, rule: string): void => {
    const value = numberOf(query, name);
    if (value === undefined) return;
    if (value < minimum) problems.push({ field: name, reason: 'FieldValueInvalid', message: `Invalid value: ${value}: ${rule}` });
    result.set(name, String(value));
  };
  number('tailLines', 0, 'must be greater than or equal to 0');
  number('limitBytes', 1, 'must be greater than 0');
  const sinceTime = query.get('sinceTime');
  if (query.has('sinceSeconds') && sinceTime)
    problems.push({
      field: '[]',
      reason: 'FieldValueForbidden',
      message: 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    });
  else number('sinceSeconds', 1, 'must be greater than 0');
  if (sinceTime) {
    if (Number.isNaN(Date.parse(sinceTime)))
      throw badRequest(
        `parsing time ${JSON.stringify(sinceTime)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(sinceTime)} as "2006"`,
      );
    result.set('sinceTime', sinceTime);
  }
  if (query.has('stream')) problems.push({ field: 'stream', reason: 'FieldValueForbidden', message: 'Forbidden: may not be specified' });
  if (problems.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, podName, problems);
  return result;
}

/** `scheme:name:port`, `name:port` or `name`. @throws StatusError 400 for other schemes */
export function proxyName(text: string): { scheme: 'http' | 'https' | ''; name: string; port: string } {
  const parts = text.split(':');
  if (parts.length === 1) return { scheme: '', name: text, port: '' };
  if (parts.length === 2) return { scheme: '', name: parts[0]!, port: parts[1]! };
  const [scheme, name, port] = parts as [string, string, string];
  if (parts.length > 3 || (scheme !== 'http' && scheme !== 'https' && scheme !== ''))
    throw badRequest(`invalid service request ${JSON.stringify(text)}`);
  return { scheme: scheme as 'http' | 'https' | '', name, port };
}
