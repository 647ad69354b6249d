// How many requests the API server has answered, by its own count. What runs in its own process asks without them.
import type { Cluster } from '../rig/index.ts';

/** By `VERB resource/subresource`. */
export async function requestCounts(cluster: Cluster): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const line of (await cluster.kubectl(['get', '--raw', '/metrics'])).split('\n')) {
    const [, labels = '', count = ''] = /^apiserver_request_total\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (count === '') continue;
    const label = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const key = `${label('verb')} ${[label('resource'), label('subresource')].filter(Boolean).join('/')}`;
    counts.set(key, (counts.get(key) ?? 0) + Number(count));
  }
  return counts;
}
