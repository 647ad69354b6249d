// Which proxy a request to a registry takes, by the environment variables that Go programs read (golang.org/x/net/http/httpproxy):
// containerd's and kubelet's settings work as they are. Pure.
import { BlockList, isIP } from 'node:net';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy's URL for a request; undefined: none. @throws Error when the variable names no HTTP proxy */
export function proxyFor(url: URL, env: Environment): string | undefined {
  const secure = url.protocol === 'https:';
  const name = secure ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const given = variable(env, name);
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port || (secure ? '443' : '80');
  if (given === '' || isLoopback(host) || isExempt(host, port, variable(env, 'NO_PROXY'))) return undefined;
  const text = given.includes('://') ? given : `http://${given}`;
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw new Error(`${name} must be the URL of an HTTP proxy`);
  return text;
}

/** Capitals first, as Go does. */
const variable = (env: Environment, name: string): string => env[name] || env[name.toLowerCase()] || '';

/** Never proxied, whatever the variables say. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** NO_PROXY: `*`, or names, addresses and ranges with commas between; a name counts for its subdomains, one with a leading dot only for these. */
function isExempt(host: string, port: string, list: string): boolean {
  return list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== '' && matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInRange(entry, host);
  const [, name = '', wanted = port] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
  if (wanted !== port) return false;
  const bare = name.replace(/^\[|\]$/g, '');
  if (isIP(bare)) return bare === host;
  const domain = bare.replace(/^\*\./, '.');
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

function isInRange(range: string, host: string): boolean {
  const [address = '', bits = ''] = range.split('/');
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 6 ? 128 : 32)) return false;
  const type = family === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(address, Number(bits), type);
  return list.check(host, type);
}
