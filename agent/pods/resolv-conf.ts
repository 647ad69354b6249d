// The resolv.conf of a pod: what its node, its DNS policy and its own settings say, within the limits of resolvers. Pure.
import type { Pod } from '../../api/gen/types/core.v1.ts';

export interface ResolvConf {
  text: string;
  /** What was left out, in upstream's words: for events of reason DNSConfigForming. */
  problems: string[];
}

const SERVERS_MAX = 3;
const SEARCHES_MAX = 32;
const SEARCH_CHARS_MAX = 253;
const SEARCHES_CHARS_MAX = 2048;

/** `nodeText`: the node's own resolv.conf. */
export function resolvConf(pod: Pod, cluster: { clusterDNS: string; clusterDomain: string }, nodeText: string): ResolvConf {
  const node = parsed(nodeText);
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  const usesCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !pod.spec?.hostNetwork);
  const domain = cluster.clusterDomain;
  let { servers, searches, options } = node;
  if (policy === 'None') [servers, searches, options] = [[], [], []];
  else if (usesCluster) {
    servers = [cluster.clusterDNS];
    searches = [`${pod.metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain, ...node.searches];
    options = ['ndots:5'];
  }
  const { nameservers = [], searches: ownSearches = [], options: ownOptions = [] } = pod.spec?.dnsConfig ?? {};
  const problems: string[] = [];
  const served = serversWithin(unique([...servers, ...nameservers]), problems);
  const searched = searchesWithin(unique([...searches, ...ownSearches]), problems);
  const own = ownOptions.map(({ name = '', value }) => (value ? `${name}:${value}` : name));
  const lines = [
    ...line('search', searched),
    ...served.map((server) => `nameserver ${server}`),
    ...line('options', lastOfEach([...options, ...own])),
  ];
  return { text: lines.length > 0 ? `${lines.join('\n')}\n` : '', problems };
}

function serversWithin(servers: string[], problems: string[]): string[] {
  if (servers.length <= SERVERS_MAX) return servers;
  const kept = servers.slice(0, SERVERS_MAX);
  problems.push(`Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${kept.join(' ')}`);
  return kept;
}

/** As many as there may be, each as long as a name may be, and no more than fit the line. */
function searchesWithin(searches: string[], problems: string[]): string[] {
  const kept: string[] = [];
  let chars = -1;
  for (const search of searches.slice(0, SEARCHES_MAX)) {
    if (search.length > SEARCH_CHARS_MAX) continue;
    chars += search.length + 1;
    if (chars > SEARCHES_CHARS_MAX) break;
    kept.push(search);
  }
  if (kept.length < searches.length)
    problems.push(`Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${kept.join(' ')}`);
  return kept;
}

const line = (keyword: string, words: readonly string[]): string[] => (words.length > 0 ? [`${keyword} ${words.join(' ')}`] : []);
const unique = (words: readonly string[]): string[] => [...new Set(words)];

/** The last one of each name, where it stands. */
const lastOfEach = (options: readonly string[]): string[] => {
  const nameOf = (option: string) => option.split(':')[0];
  return options.filter((option, at) => !options.slice(at + 1).some((later) => nameOf(later) === nameOf(option)));
};

function parsed(text: string): { servers: string[]; searches: string[]; options: string[] } {
  const found = { servers: [] as string[], searches: [] as string[], options: [] as string[] };
  for (const each of text.split('\n')) {
    const [keyword, ...words] = each.trim().split(/\s+/);
    if (keyword === 'nameserver' && words[0]) found.servers.push(words[0]);
    else if (keyword === 'search' || keyword === 'domain')
      found.searches = words.filter((word) => word !== '.').map((word) => word.replace(/\.$/, ''));
    else if (keyword === 'options') found.options.push(...words);
  }
  return found;
}
