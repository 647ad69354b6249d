// What a request is for. Who authorizes it and who answers it read the same parts, so that neither can be told another thing than the other.
import { HttpError, NoSuchPath } from './http-error.ts';

export interface Target {
  /** Of the path, decoded, without empty ones. */
  parts: string[];
  query: URLSearchParams;
}

/** Pure. @throws HttpError 400 for what is no text, NoSuchPath for a path that leads back up */
export function targetOf(url: string): Target {
  const end = url.indexOf('?');
  const path = end < 0 ? url : url.slice(0, end);
  const parts = path.split('/').filter((part) => part !== '');
  const target = { parts: parts.map(decoded), query: new URLSearchParams(end < 0 ? '' : url.slice(end + 1)) };
  if (target.parts.some((part) => part === '.' || part === '..')) throw new NoSuchPath();
  return target;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new HttpError(400, 'the path is not percent-encoded text');
  }
}
