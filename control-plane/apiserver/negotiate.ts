// The Accept header: in which form an answer goes out.
import { type KubeList, notAcceptable, StatusError } from '../../api/meta/index.ts';

export interface Accepted {
  format: 'json' | 'yaml' | 'protobuf';
  as?: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  /** Version of meta.k8s.io for `as`. */
  version: 'v1' | 'v1beta1';
  /** apidiscovery's aggregated list. */
  discovery?: 'v2';
  pretty: boolean;
}

const PLAIN: Accepted = { format: 'json', version: 'v1', pretty: false };
const FORMATS: Readonly<Record<string, Accepted['format']>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
  '*/*': 'json',
};
const MEDIA = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const AS = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);

const remembered = new Map<string, Accepted | StatusError>();
const REMEMBERED_MAX = 256;

/** Throws 406. JSON is taken when it is among what the client accepts for whole objects: its bytes are at hand. */
export function negotiate(accept: string | undefined): Accepted {
  if (accept === undefined || accept === '') return PLAIN;
  let found = remembered.get(accept);
  if (found === undefined) {
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    found = parse(accept);
    remembered.set(accept, found);
  }
  if (found instanceof StatusError) throw found;
  return found;
}

function parse(accept: string): Accepted | StatusError {
  const clauses = accept
    .split(',')
    .map(clauseOf)
    .sort((a, b) => b.quality - a.quality);
  const known = clauses.filter((clause) => FORMATS[clause.media] !== undefined);
  if (known.length === 0)
    return new StatusError(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${MEDIA.join(', ')}`, {});
  const usable = known.map(acceptedOf).filter((one) => one !== undefined);
  if (usable.length === 0) return notAcceptable(MEDIA);
  const first = usable[0]!;
  if (first.format !== 'protobuf' || first.as || first.discovery) return first;
  return usable.find((one) => one.format === 'json' && !one.as && !one.discovery) ?? first;
}

interface Clause {
  media: string;
  parameters: Map<string, string>;
  quality: number;
}

function clauseOf(text: string): Clause {
  const [media = '', ...rest] = text.split(';').map((part) => part.trim());
  const parameters = new Map(rest.map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]));
  return { media: media.toLowerCase(), parameters, quality: Number(parameters.get('q') ?? 1) };
}

function acceptedOf({ media, parameters }: Clause): Accepted | undefined {
  const base = { format: FORMATS[media]!, pretty: parameters.has('pretty') && parameters.get('pretty') !== '0' } as const;
  const as = parameters.get('as');
  const version = parameters.get('v') ?? 'v1';
  if (as === undefined) return { ...base, version: 'v1' };
  const group = parameters.get('g');
  if (as === 'APIGroupDiscoveryList')
    return group === 'apidiscovery.k8s.io' && version === 'v2' ? { ...base, version: 'v1', discovery: 'v2' } : undefined;
  if (!AS.has(as) || group !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined;
  return { ...base, as: as as NonNullable<Accepted['as']>, version };
}

/** 406 when a list is asked for as one object, or the other way round. */
export function checkShape(accepted: Accepted, isList: boolean, kind: string, group: string): void {
  const type = `*${group === '' ? 'core' : group.split('.')[0]}.${kind}${isList ? 'List' : ''}`;
  if (accepted.as === 'PartialObjectMetadata' && isList)
    throw new StatusError(406, 'NotAcceptable', `you requested PartialObjectMetadata, but the requested object is a list (${type})`);
  if (accepted.as === 'PartialObjectMetadataList' && !isList)
    throw new StatusError(
      406,
      'NotAcceptable',
      `you requested PartialObjectMetadataList, but the requested object is not a list (${type})`,
    );
}

export type ListMetadata = KubeList['metadata'];
