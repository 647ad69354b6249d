// How objects go from version to version: not at all, or through a webhook.
import {
  dns1035Label,
  dns1123Subdomain,
  forbiddenField,
  index,
  invalidValue,
  notSupported,
  type Problem,
  required,
} from '../../meta/index.ts';

const PATH = 'spec.conversion';
const CLIENT = `${PATH}.webhookClientConfig`;
const VERSIONS = `${PATH}.conversionReviewVersions`;
/** What this server and the one before it speak. */
const RECOGNIZED = ['v1', 'v1beta1'];

export function validateConversion(conversion: any): Problem[] {
  const { strategy, webhook } = conversion ?? {};
  const client = webhook?.clientConfig;
  const versions: string[] = webhook?.conversionReviewVersions ?? [];
  const problems: Problem[] = [];
  if (!strategy) problems.push(required(`${PATH}.strategy`));
  else if (strategy !== 'None' && strategy !== 'Webhook') problems.push(notSupported(`${PATH}.strategy`, strategy, ['None', 'Webhook']));
  if (strategy === 'Webhook') return [...problems, ...validateClient(client), ...validateReviewVersions(versions)];
  if (client) problems.push(forbiddenField(CLIENT, 'should not be set when strategy is not set to Webhook'));
  if (versions.length) problems.push(forbiddenField(VERSIONS, 'should not be set when strategy is not set to Webhook'));
  return problems;
}

function validateClient(client: any): Problem[] {
  if (!client) return [required(CLIENT, 'required when strategy is set to Webhook')];
  const { url, service } = client;
  const hasUrl = url !== undefined && url !== null;
  if (hasUrl === Boolean(service)) return [required(CLIENT, 'exactly one of url or service is required')];
  return hasUrl ? validateUrl(url, `${CLIENT}.url`) : validateService(service, `${CLIENT}.service`);
}

const FORM = '; desired format: https://host[/path]';

function validateUrl(text: string, field: string): Problem[] {
  const parts = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text);
  if (!parts || /%(?![0-9A-Fa-f]{2})|[\u0000-\u001f\u007f]/.test(text))
    return [required(field, `url must be a valid URL: parse ${JSON.stringify(text)}: invalid URL escape${FORM}`)];
  const [, scheme = '', authority = '', , query = '', fragment = ''] = parts;
  const user = authority.includes('@') ? authority.slice(0, authority.lastIndexOf('@')) : undefined;
  const host = user === undefined ? authority : authority.slice(user.length + 1);
  const problems: Problem[] = [];
  const wrong = (value: string, why: string): void => void problems.push(invalidValue(field, value, why));
  if (scheme.toLowerCase() !== 'https') wrong(scheme.toLowerCase(), `'https' is the only allowed URL scheme${FORM}`);
  if (host === '') wrong('', `host must be specified${FORM}`);
  if (user !== undefined) wrong(user, 'user information is not permitted in the URL');
  if (fragment !== '') wrong(fragment, 'fragments are not permitted in the URL');
  if (query !== '') wrong(query, 'query parameters are not permitted in the URL');
  return problems;
}

function validateService({ name, namespace, path, port }: any, field: string): Problem[] {
  const problems: Problem[] = [];
  if (!name) problems.push(required(`${field}.namespace`)); // upstream hands the two over in the other order
  if (!namespace) problems.push(required(`${field}.name`));
  if (!(port >= 1 && port <= 65535))
    problems.push(invalidValue(`${field}.port`, port, 'port is not valid: must be between 1 and 65535, inclusive'));
  return path === undefined || path === null ? problems : [...problems, ...validatePath(path, `${field}.path`)];
}

function validatePath(path: string, field: string): Problem[] {
  if (path === '' || path === '/') return [];
  if (path === '//') return [invalidValue(field, path, 'segment[0] may not be empty')];
  const problems: Problem[] = path.startsWith('/') ? [] : [invalidValue(field, path, "must start with a '/'")];
  path
    .slice(1)
    .replace(/\/$/, '')
    .split('/')
    .forEach((segment, i) => {
      if (segment === '') problems.push(invalidValue(field, path, `segment[${i}] may not be empty`));
      else for (const why of dns1123Subdomain(segment)) problems.push(invalidValue(field, path, `segment[${i}]: ${why}`));
    });
  return problems;
}

function validateReviewVersions(versions: readonly string[]): Problem[] {
  if (versions.length === 0) return [required(VERSIONS)];
  const problems: Problem[] = [];
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) problems.push(invalidValue(index(VERSIONS, i), version, 'duplicate version'));
    else for (const why of dns1035Label(version)) problems.push(invalidValue(index(VERSIONS, i), version, why));
  });
  if (!versions.some((version) => RECOGNIZED.includes(version)))
    problems.push(invalidValue(VERSIONS, versions, `must include at least one of ${RECOGNIZED.join(', ')}`));
  return problems;
}
