// Patterns for images as credential providers and pull secrets write them. Pure.

/** Whether an image is meant by `host[:port][/path]`, whose host may have `*` for parts of a label. Ports are the same, paths a prefix. */
export function matchesImage(pattern: string, image: string): boolean {
  const [host, path] = split(pattern.replace(/^https?:\/\//, ''));
  const [imageHost, imagePath] = split(image);
  const [labels, port] = hostParts(host);
  const [imageLabels, imagePort] = hostParts(imageHost);
  if (port !== imagePort || labels.length !== imageLabels.length || !imagePath.startsWith(path)) return false;
  return labels.every((label, i) =>
    new RegExp(`^${label.replace(/[.+^${}()|[\]\\?]/g, '\\$&').replaceAll('*', '.*')}$`).test(imageLabels[i]!),
  );
}

/** `host[:port]` of an image's full name. */
export const registryOf = (image: string): string => split(image)[0];

function split(name: string): [string, string] {
  const slash = name.indexOf('/');
  return slash < 0 ? [name, ''] : [name.slice(0, slash), name.slice(slash)];
}

function hostParts(host: string): [string[], string] {
  const [name = '', port = ''] = host.split(':');
  return [name.split('.'), port];
}
