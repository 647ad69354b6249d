// Image names as Docker reads them: `nginx` is `docker.io/library/nginx:latest`. Pure.

export interface Reference {
  /** Registry host with port, e.g. `docker.io`, `127.0.0.1:5000`. */
  registry: string;
  /** e.g. `library/nginx`. */
  repository: string;
  /** Absent when only a digest was given. */
  tag?: string;
  /** `sha256:<hex>` */
  digest?: string;
}

export class InvalidReference extends Error {
  constructor(text: string, detail = '') {
    super(`couldn't parse image name "${text}": invalid reference format${detail}`);
    this.name = 'InvalidReference';
  }
}

const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?$|^\[[0-9a-fA-F:]+\](?::[0-9]+)?$/;
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** @throws InvalidReference */
export function parseReference(text: string): Reference {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  let rest = at < 0 ? text : text.slice(0, at);
  if (digest !== undefined && !DIGEST.test(digest)) throw new InvalidReference(text);
  let tag: string | undefined;
  const colon = rest.lastIndexOf(':');
  if (colon > rest.lastIndexOf('/')) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!TAG.test(tag)) throw new InvalidReference(text);
  }
  const [registry, repository] = splitRegistry(rest);
  if (repository !== repository.toLowerCase()) throw new InvalidReference(text, `: repository name (${repository}) must be lowercase`);
  if (!HOST.test(registry) || !PATH.test(repository) || repository.length > 255) throw new InvalidReference(text);
  if (!tag && !digest) tag = 'latest';
  return { registry, repository, ...(tag ? { tag } : {}), ...(digest ? { digest } : {}) };
}

/** The first part is a registry when it looks like a host: a dot, a port, or `localhost`. */
function splitRegistry(name: string): [string, string] {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = first.includes('.') || first.includes(':') || first === 'localhost' || first !== first.toLowerCase();
  if (!isHost) return ['docker.io', slash < 0 ? `library/${name}` : name];
  const rest = name.slice(slash + 1);
  if (first !== 'docker.io' && first !== 'index.docker.io') return [first, rest];
  return ['docker.io', rest.includes('/') ? rest : `library/${rest}`];
}

/** An id with or without `sha256:`, or 12 digits and more of one. It may be a name all the same: one of such letters only. */
export const isImageId = (text: string): boolean => /^(?:sha256:)?[0-9a-f]{12,64}$/.test(text);

export const repositoryName = (ref: Reference): string => `${ref.registry}/${ref.repository}`;

/** The name that is looked up: by digest when there is one, else by tag. */
export const referenceName = (ref: Reference): string =>
  ref.digest ? `${repositoryName(ref)}@${ref.digest}` : `${repositoryName(ref)}:${ref.tag}`;

/** @throws InvalidReference */
export const normalizeName = (text: string): string => referenceName(parseReference(text));
