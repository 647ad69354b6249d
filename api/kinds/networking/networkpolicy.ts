// networking.k8s.io/v1 NetworkPolicy.
import {
  cidrContains,
  cidrProblems,
  forbiddenField,
  invalidValue,
  type KubeObject,
  notSupported,
  type Problem,
  parseCidr,
  portName,
  portNumber,
  required,
  validateLabelSelector,
} from '../../meta/index.ts';
import { ageColumn, nameColumn, selectorText, string } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { childOf, setDefaults, texts } from '../rules.ts';

const isSet = (value: unknown): boolean => value !== undefined && value !== null;

function defaults(object: KubeObject): void {
  const spec = childOf(object, 'spec');
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const port of rule?.ports ?? []) setDefaults(port, { protocol: 'TCP' });
  }
  if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
}

function validatePort(entry: any, path: string): Problem[] {
  const { protocol, port, endPort } = entry;
  const problems: Problem[] = [];
  if (isSet(protocol) && !['TCP', 'UDP', 'SCTP'].includes(protocol)) {
    problems.push(notSupported(`${path}.protocol`, protocol, ['TCP', 'UDP', 'SCTP']));
  }
  if (typeof port === 'number') {
    problems.push(...texts(`${path}.port`, port, portNumber(port)));
    if (!isSet(endPort)) return problems;
    if (endPort < port) problems.push(invalidValue(`${path}.endPort`, port, 'must be greater than or equal to `port`'));
    return [...problems, ...texts(`${path}.endPort`, endPort, portNumber(endPort))];
  }
  if (isSet(endPort)) {
    const why = `may not be specified when \`port\` is ${isSet(port) ? 'non-numeric' : 'not specified'}`;
    problems.push(invalidValue(`${path}.endPort`, endPort, why));
  }
  return isSet(port) ? [...problems, ...texts(`${path}.port`, port, portName(String(port)))] : problems;
}

/** Ranges that are stored already may stay as they are. */
function validateBlock(block: any, path: string, known: ReadonlySet<string>): Problem[] {
  const range = (field: string, text: string): Problem[] => (known.has(text) ? [] : texts(field, text, cidrProblems(text, false)));
  if (!block.cidr) return [required(`${path}.cidr`)];
  const problems = range(`${path}.cidr`, block.cidr);
  const outer = parseCidr(block.cidr);
  if (!outer) return problems;
  (block.except ?? []).forEach((text: string, i: number) => {
    const field = `${path}.except[${i}]`;
    problems.push(...range(field, text));
    const inner = parseCidr(text);
    if (inner && !(cidrContains(outer, inner) && outer.bits < inner.bits)) {
      problems.push(invalidValue(field, text, 'must be a strict subset of `cidr`'));
    }
  });
  return problems;
}

function rangesOf({ spec }: KubeObject): Set<string> {
  const peers: any[] = [
    ...(spec?.ingress ?? []).flatMap((rule: any) => rule?.from ?? []),
    ...(spec?.egress ?? []).flatMap((rule: any) => rule?.to ?? []),
  ];
  return new Set(peers.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.cidr, ...(ipBlock.except ?? [])] : [])));
}

function validatePeer(peer: any, path: string, known: ReadonlySet<string>): Problem[] {
  const problems: Problem[] = [];
  const parts = ['podSelector', 'namespaceSelector', 'ipBlock'].filter((name) => isSet(peer[name]));
  if (peer.podSelector) problems.push(...validateLabelSelector(peer.podSelector, `${path}.podSelector`));
  if (peer.namespaceSelector) problems.push(...validateLabelSelector(peer.namespaceSelector, `${path}.namespaceSelector`));
  if (peer.ipBlock) problems.push(...validateBlock(peer.ipBlock, `${path}.ipBlock`, known));
  if (parts.length === 0) problems.push(required(path, 'must specify a peer'));
  else if (parts.length > 1 && peer.ipBlock) problems.push(forbiddenField(path, 'may not specify both ipBlock and another peer'));
  return problems;
}

function validateRules(rules: any[] | undefined, peers: string, path: string, known: ReadonlySet<string>): Problem[] {
  return (rules ?? []).flatMap((rule, i) => [
    ...(rule?.ports ?? []).flatMap((port: any, j: number) => validatePort(port, `${path}[${i}].ports[${j}]`)),
    ...(rule?.[peers] ?? []).flatMap((peer: any, j: number) => validatePeer(peer, `${path}[${i}].${peers}[${j}]`, known)),
  ]);
}

function validate({ spec }: KubeObject, old?: KubeObject): Problem[] {
  const known = old ? rangesOf(old) : new Set<string>();
  const problems = [
    ...validateLabelSelector(spec.podSelector, 'spec.podSelector'),
    ...validateRules(spec.ingress, 'from', 'spec.ingress', known),
    ...validateRules(spec.egress, 'to', 'spec.egress', known),
  ];
  const types: string[] = spec.policyTypes ?? [];
  if (types.length > 2) return [...problems, invalidValue('spec.policyTypes', types, 'may not specify more than two policyTypes')];
  types.forEach((type, i) => {
    if (type !== 'Ingress' && type !== 'Egress') problems.push(notSupported(`spec.policyTypes[${i}]`, type, ['Ingress', 'Egress']));
  });
  return problems;
}

export const networkPolicy: Behaviour = {
  hasGeneration: true,
  defaults,
  validate,
  columns: [nameColumn, string('Pod-Selector', ({ spec }) => selectorText(spec?.podSelector)), ageColumn],
};
