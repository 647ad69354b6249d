// Where a webhook or an extension server is, as configurations say it.

export interface ServiceReference {
  name: string;
  namespace: string;
  /** Default 443. */
  port?: number;
  path?: string;
}

/** WebhookClientConfig: exactly one of url and service. */
export interface ClientConfig {
  url?: string;
  service?: ServiceReference;
  /** Base64 of PEM; absent: the authorities that the machine trusts. */
  caBundle?: string;
}

export const DEFAULT_PORT = 443;

/** The name that a Service's certificate must carry. */
export const serverNameOf = ({ name, namespace }: ServiceReference): string => `${name}.${namespace}.svc`;

/** The address as error texts and the request line show it, with the time the server gives the webhook. */
export function urlOf({ url, service }: ClientConfig, timeoutSeconds: number): URL {
  const text = service ? `https://${serverNameOf(service)}:${service.port ?? DEFAULT_PORT}` : (url ?? '');
  const made = new URL(text);
  if (service?.path) made.pathname = service.path;
  made.search = `?timeout=${timeoutSeconds}s`;
  return made;
}

/** As Go prints it: URL leaves the default port out, a Service's reference always has it. */
export function shownUrl(url: URL, config: ClientConfig): string {
  const port = config.service ? `:${config.service.port ?? DEFAULT_PORT}` : /^[^/]*\/\/[^/]*?(:\d+)(\/|$)/.exec(config.url ?? '')?.[1];
  return `https://${url.hostname}${port ?? ''}${url.pathname}${url.search}`;
}

/** PEM of the configured authority. A bundle of blanks counts as none. */
export function authorityOf({ caBundle }: Pick<ClientConfig, 'caBundle'>): string | undefined {
  if (!caBundle) return undefined;
  const pem = Buffer.from(caBundle, 'base64').toString();
  return pem.trim() === '' ? undefined : pem;
}
