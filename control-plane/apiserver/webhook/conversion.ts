// ConversionReview: objects of a custom resource in another version, as their definition's webhook makes them
// (apiextensions-apiserver's webhook_converter.go: its checks, its texts).
import { randomUUID } from 'node:crypto';
import { deepCopy, type KubeObject, StatusError, validateAnnotations, validateLabels } from '../../../api/meta/index.ts';
import { type WebhookClient, WebhookFailure } from './client.ts';
import type { ClientConfig } from './client-config.ts';

export interface ConversionWebhook {
  clientConfig: ClientConfig;
  conversionReviewVersions: readonly string[];
}

/** The server's own limit; a conversion cannot be configured. */
const TIMEOUT_SECONDS = 30;
const AGENT = 'kube-apiserver';
/** Longer lists are asked about in parts, a few at once. */
const BATCH_MAX = 500;
const KNOWN = new Set(['v1', 'v1beta1']);

type Review = {
  apiVersion?: string;
  kind?: string;
  response?: { uid?: string; convertedObjects?: KubeObject[]; result?: { status?: string; message?: string } };
};

/**
 * `objects` in the wanted version, in their order; those that have it already come back as they are, others as new objects.
 * Throws StatusError 500.
 */
export async function convertObjects(
  client: WebhookClient,
  webhook: ConversionWebhook,
  objects: readonly KubeObject[],
  apiVersion: string,
): Promise<KubeObject[]> {
  const results = [...objects];
  const others = objects.flatMap((object, at) => (object.apiVersion === apiVersion ? [] : [at]));
  for (let from = 0; from < others.length; from += BATCH_MAX) {
    const part = others.slice(from, from + BATCH_MAX);
    const converted = await convertBatch(
      client,
      webhook,
      part.map((at) => objects[at]!),
      apiVersion,
    );
    for (const [i, at] of part.entries()) results[at] = converted[i]!;
  }
  return results;
}

async function convertBatch(
  client: WebhookClient,
  webhook: ConversionWebhook,
  objects: KubeObject[],
  apiVersion: string,
): Promise<KubeObject[]> {
  const what = `conversion webhook for ${objects[0]!.apiVersion}, Kind=${objects[0]!.kind}`;
  const version = webhook.conversionReviewVersions.find((one) => KNOWN.has(one));
  if (version === undefined) throw failed('no supported conversion review versions');
  const uid = randomUUID();
  const body = {
    kind: 'ConversionReview',
    apiVersion: `apiextensions.k8s.io/${version}`,
    request: { uid, desiredAPIVersion: apiVersion, objects },
  };
  let converted: KubeObject[];
  try {
    const options = { timeoutSeconds: TIMEOUT_SECONDS, signal: never, agent: AGENT };
    converted = answered((await client.post(webhook.clientConfig, body, options)) as Review, version, uid);
  } catch (error) {
    if (error instanceof WebhookFailure || error instanceof BadReview) throw failed(`${what} failed: ${error.message}`);
    throw error;
  }
  if (converted.length !== objects.length) throw failed(`${what} returned ${converted.length} objects, expected ${objects.length}`);
  return objects.map((object, at) => checked(object, converted[at]!, apiVersion, what, objects.length === 1 ? undefined : at));
}

/** Conversions serve many readers at once: one who leaves does not end them. */
const never = new AbortController().signal;

class BadReview extends Error {}

const failed = (message: string): StatusError => new StatusError(500, '', message);

function answered({ apiVersion = '', kind = '', response }: Review, version: string, uid: string): KubeObject[] {
  const wanted = 'apiextensions.k8s.io/v1';
  // v1beta1 was never checked that closely.
  if (version === 'v1' && (apiVersion !== wanted || kind !== 'ConversionReview'))
    throw new BadReview(`expected webhook response of ${wanted}, Kind=ConversionReview, got ${apiVersion}, Kind=${kind}`);
  if (!response) throw new BadReview('no response provided');
  if (version === 'v1' && response.uid !== uid)
    throw new BadReview(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  const { status = '', message } = response.result ?? {};
  if (status !== 'Success') throw new BadReview(message || `response.result.status was '${status}', not 'Success'`);
  return response.convertedObjects ?? [];
}

/** The converted object with the metadata of the original: only labels and annotations may be changed. */
function checked(original: KubeObject, converted: KubeObject, apiVersion: string, what: string, at: number | undefined): KubeObject {
  const bad = (why: string) =>
    failed(`${what} returned invalid ${at === undefined ? 'object' : `converted object at index ${at}`}: ${why}`);
  if (converted?.apiVersion !== apiVersion)
    throw bad(`invalid groupVersion (expected ${apiVersion}, received ${converted?.apiVersion ?? ''})`);
  if (converted.kind !== original.kind) throw bad(`invalid kind (expected ${original.kind}, received ${converted.kind ?? ''})`);
  const { metadata } = converted;
  const same = (name: string, field: 'name' | 'namespace' | 'uid') => {
    const [before = '', now = ''] = [original.metadata[field], metadata?.[field]];
    if (before !== now) throw bad(`must have the same ${name}: ${before} != ${now}`);
  };
  same('name', 'name');
  same('namespace', 'namespace');
  same('UID', 'uid');
  const misplaced = (why: string) =>
    failed(`${what} returned invalid metadata${at === undefined ? '' : ` in object at index ${at}`}: ${why}`);
  if (metadata === undefined) throw misplaced('missing metadata in converted object');
  if (typeof metadata !== 'object' || metadata === null) throw misplaced('invalid metadata in converted object');
  const restored = deepCopy(original.metadata) as Record<string, unknown>;
  for (const field of ['labels', 'annotations'] as const) {
    const given = metadata[field] as Record<string, unknown> | null | undefined;
    delete restored[field];
    if (given === undefined || given === null) continue;
    restored[field] = given;
    for (const [key, value] of Object.entries(given))
      if (typeof value !== 'string')
        throw misplaced(`metadata.${field}[${key}] must be a string, but is ${typeof value} in converted object`);
    const problems =
      field === 'labels'
        ? validateLabels(metadata.labels!, 'metadata.labels')
        : validateAnnotations(metadata.annotations!, 'metadata.annotation');
    if (problems.length) throw misplaced(problems.map((problem) => `${problem.field}: ${problem.message}`).join(', '));
  }
  return { ...converted, metadata: restored as KubeObject['metadata'] };
}
