// The agents of Node's HTTP client by what a connection needs: a proxy, a registry's own certificates. Connections are kept for the
// layers of an image.
import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import { BoundedMap } from '../../kit/run/index.ts';
import { type Environment, proxyFor } from './proxy.ts';
import type { RegistryCertificates } from './registry-certificates.ts';

/** More registries than these at once are not common: the oldest is forgotten, its requests go on. */
const AGENTS_MAX = 32;
const agents = new BoundedMap<string, http.Agent>(AGENTS_MAX);

/** @throws Error when the environment names a proxy that is none, or a certificate is none */
export function agentFor(url: URL, certificates: RegistryCertificates | undefined, env: Environment = process.env): http.Agent {
  const proxy = proxyFor(url, env);
  const secure = url.protocol === 'https:';
  const key = createHash('sha256')
    .update(JSON.stringify([secure, proxy, secure ? certificates : undefined]))
    .digest('hex');
  const known = agents.get(key);
  if (known) return known;
  // What is exempt was decided here, by Go's rules.
  const options = { keepAlive: true, ...(proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }) };
  const made = secure ? new https.Agent({ ...options, secureContext: secureContext(certificates) }) : new http.Agent(options);
  agents.set(key, made);
  return made;
}

/** Private registries often have a certificate of a company's authority, which only the system knows. */
const secureContext = ({ ca = [], client }: Partial<RegistryCertificates> = {}): tls.SecureContext =>
  tls.createSecureContext({
    ca: [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system'), ...ca])],
    ...(client ?? {}),
  });
