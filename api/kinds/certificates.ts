// Behaviours of the kinds of certificates.k8s.io/v1.
import {
  deepCopy,
  dns1123Label,
  dns1123Subdomain,
  duplicate,
  forbiddenField,
  goQuote,
  invalidValue,
  type KubeObject,
  notSupported,
  type Problem,
  required,
  semanticEqual,
} from '../meta/index.ts';
import type { Behaviours } from './behaviours.ts';
import { ageColumn, humanDuration, nameColumn, string } from './columns.ts';
import { texts } from './rules.ts';

const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

const isRequest = (pem: string): boolean => /-----BEGIN CERTIFICATE REQUEST-----/.test(Buffer.from(pem, 'base64').toString('latin1'));

function validateSigner(name: string): Problem[] {
  const field = 'spec.signerName';
  if (name === '') return [required(field)];
  if (name === 'kubernetes.io/legacy-unknown') {
    return [invalidValue(field, name, 'the legacy signerName is not allowed via this API version')];
  }
  const segments = name.split('/');
  if (segments.length !== 2) {
    return [invalidValue(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")];
  }
  const [domain = '', path = ''] = segments;
  const labelled = (whole: string, part: string, wrong: string[]): Problem[] =>
    texts(
      field,
      whole,
      wrong.map((text) => `validating label ${goQuote(part)}: ${text}`),
    );
  const labels = domain.split('.');
  const problems = labels.flatMap((label) => labelled(domain, label, dns1123Label(label)));
  if (labels.length < 2) problems.push(invalidValue(field, domain, 'should be a domain with at least two segments separated by dots'));
  return [...problems, ...path.split('.').flatMap((part) => labelled(path, part, dns1123Subdomain(part.toLowerCase())))];
}

function validateConditions(conditions: any[]): Problem[] {
  const problems: Problem[] = [];
  const path = 'status.conditions';
  const seen = new Set<string>();
  conditions.forEach(({ type = '', status = '' }, i) => {
    const at = `${path}[${i}]`;
    if (type === '') problems.push(required(`${at}.type`));
    const allowed = ['Approved', 'Denied', 'Failed'].includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (status === '') problems.push(required(`${at}.status`));
    else if (!allowed.includes(status)) problems.push(notSupported(`${at}.status`, status, allowed));
    const other = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : undefined;
    if (other && seen.has(other)) problems.push(invalidValue(path, type, 'Approved and Denied conditions are mutually exclusive'));
    if (seen.has(type)) problems.push(duplicate(`${at}.type`, type));
    seen.add(type);
  });
  return problems;
}

/** A chain of PEM certificates, or nothing. */
function validateCertificate(base64: string): Problem[] {
  const wrong = (text: string): Problem[] => [invalidValue('status.certificate', '<certificate data>', text)];
  if (base64 === '') return [];
  const blocks = [
    ...Buffer.from(base64, 'base64')
      .toString('latin1')
      .matchAll(/-----BEGIN ([^-]+)-----/g),
  ];
  const odd = blocks.find((block) => block[1] !== 'CERTIFICATE');
  if (odd) return wrong(`only CERTIFICATE PEM blocks are allowed, found "${odd[1]}"`);
  return blocks.length ? [] : wrong('must contain at least one CERTIFICATE PEM block');
}

function validate(object: KubeObject, old?: KubeObject): Problem[] {
  const spec = object['spec'] ?? {};
  const status = object['status'] ?? {};
  const problems: Problem[] = [];
  if (!isRequest(spec.request ?? '')) {
    problems.push(invalidValue('spec.request', spec.request ?? null, 'PEM block type must be CERTIFICATE REQUEST'));
  }
  const asked: string[] = spec.usages ?? [];
  if (asked.length === 0) problems.push(required('spec.usages'));
  asked.forEach((usage, i) => {
    if (!usages.includes(usage)) problems.push(notSupported(`spec.usages[${i}]`, usage, usages));
  });
  asked.forEach((usage, i) => {
    if (asked.indexOf(usage) < i) problems.push(duplicate(`spec.usages[${i}]`, usage));
  });
  problems.push(...validateSigner(spec.signerName ?? ''));
  if (typeof spec.expirationSeconds === 'number' && spec.expirationSeconds < 600) {
    const why = 'may not specify a duration less than 600 seconds (10 minutes)';
    problems.push(invalidValue('spec.expirationSeconds', spec.expirationSeconds, why));
  }
  problems.push(...validateConditions(status.conditions ?? []));
  if (!old || status.certificate !== old['status']?.certificate) problems.push(...validateCertificate(status.certificate ?? ''));
  return problems;
}

const conditionsOf = (object: KubeObject, type: string): any[] =>
  (object['status']?.conditions ?? []).filter((condition: any) => condition.type === type);

/** `approval`: conditions may be decided; `certificate`: it may be issued, once. */
function validateChange(object: KubeObject, old: KubeObject, may: { approval?: boolean; certificate?: boolean }): Problem[] {
  const problems: Problem[] = [];
  const path = 'status.conditions';
  for (const type of ['Approved', 'Denied', 'Failed']) {
    const [now, before] = [conditionsOf(object, type), conditionsOf(old, type)];
    if (now.length < before.length) problems.push(forbiddenField(path, `updates may not remove a condition of type "${type}"`));
    else if (may.approval || type === 'Failed') continue;
    else if (now.length > before.length) problems.push(forbiddenField(path, `updates may not add a condition of type "${type}"`));
    else if (!semanticEqual(now, before)) problems.push(forbiddenField(path, `updates may not modify a condition of type "${type}"`));
  }
  const [certificate = '', issued = ''] = [object['status']?.certificate, old['status']?.certificate];
  if (certificate !== issued) {
    if (!may.certificate) problems.push(forbiddenField('status.certificate', 'updates may not set certificate content'));
    else if (issued) problems.push(forbiddenField('status.certificate', 'updates may not modify existing certificate content'));
  }
  return problems;
}

/** Times that the client left out; a transition's time stays while its status does. */
const stamped = (conditions: any[], old: KubeObject, now: string): any[] =>
  conditions.map((condition) => ({
    ...condition,
    lastUpdateTime: condition.lastUpdateTime ?? now,
    lastTransitionTime:
      condition.lastTransitionTime ??
      conditionsOf(old, condition.type).find(({ status }) => status === condition.status)?.lastTransitionTime ??
      now,
  }));

/** The signer may add conditions, but those that decided stay as they were. */
function updateStatus(object: KubeObject, old: KubeObject, now: string): void {
  object['spec'] = old['spec'];
  const conditions: any[] = object['status']?.conditions ?? [];
  for (const type of ['Approved', 'Denied']) {
    const before = conditionsOf(old, type);
    const places = conditions.map((condition, i) => (condition.type === type ? i : -1)).filter((i) => i >= 0);
    if (places.length !== before.length) continue;
    for (const [i, place] of places.entries()) conditions[place] = deepCopy(before[i]);
  }
  if (object['status']?.conditions) object['status'] = { ...object['status'], conditions: stamped(conditions, old, now) };
}

function updateApproval(object: KubeObject, old: KubeObject, now: string): void {
  const conditions = object['status']?.conditions;
  object['spec'] = old['spec'];
  object['status'] = { ...old['status'], ...(conditions ? { conditions: stamped(conditions, old, now) } : {}) };
}

function conditionText(object: KubeObject): string {
  const has = (type: string): boolean => conditionsOf(object, type).length > 0;
  const decided = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return `${decided}${has('Failed') ? ',Failed' : ''}${object['status']?.certificate ? ',Issued' : ''}`;
}

export const certificates: Behaviours = {
  CertificateSigningRequest: {
    nameRule: () => [],
    hasGeneration: false,
    validate,
    prepareForUpdate: (object, old) => {
      object['spec'] = old['spec'];
    },
    validateUpdate: (object, old) => validateChange(object, old, {}),
    subresourceUpdate: { status: updateStatus, approval: updateApproval },
    validateSubresource: {
      status: (object, old) => [...validate(object, old), ...validateChange(object, old, { certificate: true })],
      approval: (object, old) => [...validate(object, old), ...validateChange(object, old, { approval: true })],
    },
    fieldSelectors: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },
    columns: [
      nameColumn,
      ageColumn,
      string('SignerName', ({ spec }) => spec?.signerName || '<none>'),
      string('Requestor', ({ spec }) => spec?.username ?? ''),
      string('RequestedDuration', ({ spec }) =>
        typeof spec?.expirationSeconds === 'number' ? humanDuration(spec.expirationSeconds * 1000) : '<none>',
      ),
      string('Condition', conditionText),
    ],
  },
};
