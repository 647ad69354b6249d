// Behaviours of the kinds of resource.k8s.io/v1 (dynamic resource allocation).
import {
  dns1123Label,
  dns1123Subdomain,
  duplicate,
  immutableText,
  invalidValue,
  type KubeObject,
  notSupported,
  type Problem,
  regexHint,
  required,
  semanticEqual,
} from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, nameColumn, string } from './columns.ts';
import { validateSelectors } from './resource/selectors.ts';
import { immutable, setDefaults, texts } from './rules.ts';

function defaultRequests(spec: any): void {
  for (const request of spec?.devices?.requests ?? []) {
    for (const part of [request.exactly, ...(request.firstAvailable ?? [])]) {
      if (!part) continue;
      setDefaults(part, { allocationMode: 'ExactCount' });
      if (part.allocationMode === 'ExactCount') setDefaults(part, { count: 1 });
    }
  }
}

function validateExact(part: any, path: string): Problem[] {
  const problems: Problem[] = [];
  if (!part.deviceClassName) problems.push(required(`${path}.deviceClassName`));
  problems.push(...validateSelectors(part.selectors ?? [], `${path}.selectors`));
  const { allocationMode: mode, count } = part;
  if (mode === 'All' && count) problems.push(invalidValue(`${path}.count`, count, "must not be specified when allocationMode is 'All'"));
  else if (mode === 'ExactCount' && (count ?? 0) <= 0)
    problems.push(invalidValue(`${path}.count`, count ?? 0, 'must be greater than zero'));
  else if (mode !== 'All' && mode !== 'ExactCount') {
    problems.push(notSupported(`${path}.allocationMode`, mode ?? '', ['All', 'ExactCount']));
  }
  return problems;
}

/** `path` is where the claim's spec stands. */
function validateClaim(spec: any, path: string): Problem[] {
  const requests: any[] = spec?.devices?.requests ?? [];
  return requests.flatMap((request, i) => {
    const at = `${path}.devices.requests[${i}]`;
    const { name = '', exactly, firstAvailable = [] } = request;
    const problems = name === '' ? [required(`${at}.name`)] : texts(`${at}.name`, name, dns1123Label(name));
    if (!exactly === (firstAvailable.length === 0)) {
      const text = 'exactly one of `exactly` or `firstAvailable` is required';
      problems.push(exactly ? invalidValue(at, null, text) : required(at, text));
    }
    if (exactly) problems.push(...validateExact(exactly, `${at}.exactly`));
    firstAvailable.forEach((part: any, j: number) => {
      problems.push(...validateExact(part, `${at}.firstAvailable[${j}]`));
    });
    if (requests.findIndex((other) => other.name === name) < i) problems.push(duplicate(at, name));
    return problems;
  });
}

/** A constraint speaks of the claim's requests, or of `request/subrequest`. */
function validateConstraints(spec: any, path: string): Problem[] {
  const names = new Set<string>();
  for (const { name, firstAvailable = [] } of spec?.devices?.requests ?? []) {
    names.add(name);
    for (const part of firstAvailable) names.add(`${name}/${part.name}`);
  }
  return (spec?.devices?.constraints ?? []).flatMap((constraint: any, i: number) => {
    const at = `${path}.devices.constraints[${i}]`;
    const unknown = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
    const problems: Problem[] = (constraint.requests ?? []).flatMap((name: string, j: number) =>
      names.has(name) ? [] : [invalidValue(`${at}.requests[${j}]`, name, unknown)],
    );
    const { matchAttribute, distinctAttribute } = constraint;
    if (!matchAttribute && !distinctAttribute) problems.push(required(`${at}.matchAttribute`));
    if (matchAttribute) problems.push(...validateQualified(`${at}.matchAttribute`, matchAttribute));
    if (distinctAttribute) problems.push(...validateQualified(`${at}.distinctAttribute`, distinctAttribute));
    return problems;
  });
}

/** `domain/name`, as attributes of devices are called outside of their driver. */
function validateQualified(field: string, value: string): Problem[] {
  const [domain = '', name, ...more] = value.split('/');
  if (name === undefined || more.length > 0)
    return [invalidValue(field, value, 'a fully qualified name must be a domain and a name separated by a slash')];
  const problems = domain === '' ? [required(field, 'the domain must not be empty')] : texts(field, domain, dns1123Subdomain(domain));
  if (name === '') return [...problems, required(field, 'the name must not be empty')];
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)
    ? problems
    : [
        ...problems,
        invalidValue(
          field,
          name,
          regexHint(
            "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
            '[A-Za-z_][A-Za-z0-9_]*',
            'my_name',
            'MY_NAME',
            'MyName',
          ),
        ),
      ];
}

/** Where a slice's devices are: exactly one of these. */
const PLACES = ['nodeName', 'nodeSelector', 'allNodes', 'perDeviceNodeSelection'];

function validateSlice({ spec }: KubeObject): Problem[] {
  const problems: Problem[] = [];
  const places = PLACES.filter(
    (place) => spec?.[place] !== undefined && spec[place] !== null && spec[place] !== '' && spec[place] !== false,
  );
  const one = `exactly one of ${PLACES.map((place) => `\`${place}\``).join(', ')} is required`;
  if (places.length === 0) problems.push(required('spec', one));
  if (places.length > 1) problems.push(invalidValue('spec', `{${places.map((place) => `\`${place}\``).join(', ')}}`, one));
  if (!spec?.driver) problems.push(required('spec.driver'));
  else problems.push(...texts('spec.driver', spec.driver, dns1123Subdomain(spec.driver)));
  const pool = spec?.pool ?? {};
  if (!pool.name) problems.push(required('spec.pool.name'));
  if ((pool.resourceSliceCount ?? 0) <= 0)
    problems.push(invalidValue('spec.pool.resourceSliceCount', pool.resourceSliceCount ?? 0, 'must be greater than zero'));
  if ((pool.generation ?? 0) < 0)
    problems.push(invalidValue('spec.pool.generation', pool.generation, 'must be greater than or equal to zero'));
  const devices: any[] = spec?.devices ?? [];
  devices.forEach(({ name = '' }, i) => {
    const at = `spec.devices[${i}]`;
    if (name === '') problems.push(required(`${at}.name`));
    else problems.push(...texts(`${at}.name`, name, dns1123Label(name)));
    if (devices.findIndex((other) => other.name === name) < i) problems.push(duplicate(at, name));
  });
  return problems;
}

/** A claim's spec as upstream prints it: its internal form, which has no JSON names. */
const shownClaim = (spec: any) => ({
  Devices: {
    Requests: spec?.devices?.requests?.map(shownRequest) ?? null,
    Constraints: spec?.devices?.constraints ?? null,
    Config: spec?.devices?.config ?? null,
  },
});

const shownRequest = ({ name, exactly, firstAvailable }: any) => ({
  Name: name ?? '',
  Exactly: exactly ? shownExact(exactly) : null,
  FirstAvailable: firstAvailable?.map((part: any) => ({ Name: part.name ?? '', ...shownExact(part) })) ?? null,
});

const shownExact = (part: any) => ({
  DeviceClassName: part.deviceClassName ?? '',
  Selectors: part.selectors?.map(({ cel }: any) => ({ CEL: cel ? { Expression: cel.expression ?? '' } : null })) ?? null,
  AllocationMode: part.allocationMode ?? '',
  Count: part.count ?? 0,
  AdminAccess: part.adminAccess ?? null,
  Tolerations: part.tolerations ?? null,
  Capacity: part.capacity ?? null,
});

const immutableClaim = (spec: any, old: any, shown: (spec: any) => unknown): Problem[] =>
  semanticEqual(spec, old) ? [] : [invalidValue('spec', shown(spec), immutableText)];

function stateText({ metadata, status }: KubeObject): string {
  const states: string[] = [];
  if (metadata.deletionTimestamp) states.push('deleted');
  if (status?.allocation) states.push('allocated');
  if (status?.reservedFor?.length) states.push('reserved');
  return states.length ? states.join(',') : 'pending';
}

export const resource: Behaviours = {
  DeviceClass: {
    hasGeneration: true,
    validate: ({ spec }) => validateSelectors(spec?.selectors ?? [], 'spec.selectors'),
    columns: [nameColumn, ageColumn],
  },
  ResourceClaim: {
    hasGeneration: false,
    defaults: (object) => defaultRequests(object['spec']),
    validate: (object, old) => (old ? [] : [...validateClaim(object['spec'], 'spec'), ...validateConstraints(object['spec'], 'spec')]),
    validateUpdate: (object, old) => immutableClaim(object['spec'], old['spec'], shownClaim),
    columns: [nameColumn, string('State', stateText), ageColumn],
  },
  ResourceClaimTemplate: {
    defaults: (object) => defaultRequests(object['spec']?.spec),
    validate: (object, old) =>
      old ? [] : [...validateClaim(object['spec']?.spec, 'spec.spec'), ...validateConstraints(object['spec']?.spec, 'spec.spec')],
    validateUpdate: (object, old) => immutableClaim(object['spec'], old['spec'], (spec) => ({ Spec: shownClaim(spec?.spec) })),
    columns: [nameColumn, ageColumn],
  },
  ResourceSlice: {
    hasGeneration: true,
    validate: validateSlice,
    validateUpdate: (object, old) => [
      ...immutable('spec.nodeName', object['spec']?.nodeName, old['spec']?.nodeName),
      ...immutable('spec.driver', object['spec']?.driver, old['spec']?.driver),
    ],
    fieldSelectors: {
      'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
      'spec.driver': ({ spec }) => spec?.driver ?? '',
    },
    columns: [
      nameColumn,
      string('Node', ({ spec }) => spec?.nodeName ?? '<unset>'),
      string('Driver', ({ spec }) => spec?.driver ?? ''),
      string('Pool', ({ spec }) => spec?.pool?.name ?? ''),
      ageColumn,
    ],
  },
};
