// What a request for a container's log asks for. Values are read as upstream reads them, the same ones are refused.
import { HttpError } from './http-error.ts';

export interface LogOptions {
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  tailLines?: number;
  limitBytes?: number;
  /** Milliseconds since the epoch. */
  sinceMs?: number;
  stream?: 'stdout' | 'stderr';
}

const STREAMS: Readonly<Record<string, LogOptions['stream']>> = { All: undefined, Stdout: 'stdout', Stderr: 'stderr' };

/** Pure. @throws HttpError 400 for what cannot be read, 422 for what makes no sense (ValidatePodLogOptions) */
export function logOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const tail = query.get('tail') ?? ''; // the older name
  const tailLines = tail === 'all' ? undefined : integer(tail === '' ? query.get('tailLines') : tail);
  const [limitBytes, sinceSeconds] = [integer(query.get('limitBytes')), integer(query.get('sinceSeconds'))];
  const sinceTimeMs = time(query.get('sinceTime'));
  const streamName = query.get('stream') ?? 'All';
  const stream = STREAMS[streamName];
  const isSound =
    (tailLines ?? 0) >= 0 &&
    (limitBytes ?? 1) >= 1 &&
    (sinceSeconds ?? 1) >= 1 &&
    !(sinceSeconds !== undefined && sinceTimeMs !== undefined) &&
    Object.hasOwn(STREAMS, streamName) &&
    !(stream !== undefined && tailLines !== undefined);
  if (!isSound) throw new HttpError(422, '{"message": "Invalid request."}');
  const sinceMs = sinceSeconds === undefined ? sinceTimeMs : nowMs - sinceSeconds * 1000;
  return {
    follow: flag(query.get('follow')),
    previous: flag(query.get('previous')),
    timestamps: flag(query.get('timestamps')),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(stream === undefined ? {} : { stream }),
  };
}

/** All that is there is yes, but for these. */
const flag = (value: string | null): boolean => value !== null && value !== '0' && value.toLowerCase() !== 'false';

function integer(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (!/^[+-]?\d{1,18}$/.test(value)) throw unreadable();
  return Number(value);
}

/** RFC 3339 with a zone; upstream takes nothing, and `null`, for no time. */
function time(value: string | null): number | undefined {
  if (value === null || value === '' || value === 'null') return undefined;
  const ms = Date.parse(value);
  if (Number.isNaN(ms) || !/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(value)) throw unreadable();
  return ms;
}

const unreadable = () => new HttpError(400, '{"message": "Unable to decode query."}');
