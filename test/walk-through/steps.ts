// The walk-through, in order: what ./scripts/up shows and what the test asserts. A step throws when a user would not see what is promised.
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { run, tryRun } from '../../kit/exec/index.ts';
import { waitFor } from '../../kit/run/index.ts';
import { background, expectThat, type Step, show, until, type Walker } from './context.ts';
import { deployment, httpsConfiguration, httpsNginx, toolsPod } from './manifests.ts';

interface PodRow {
  name: string;
  ip: string;
  node: string;
}

async function pods(w: Walker, selector: string): Promise<PodRow[]> {
  const list = JSON.parse(await w.kubectl(['get', 'pods', '-l', selector, '-o', 'json']));
  return list.items
    .filter((p: any) => !p.metadata.deletionTimestamp)
    .map((p: any) => ({ name: p.metadata.name, ip: p.status.podIP, node: p.spec.nodeName }));
}

const welcome = /Welcome to nginx!/;

async function curlFromNode(w: Walker, node: string, url: string): Promise<string> {
  return w.onNode(node, ['curl', '-sS', '--max-time', '5', url]);
}

/** Requests one after the other until stopped; counts what failed. */
function requestLoop(w: Walker, url: string): { stop(): Promise<{ requests: number; failures: string[] }> } {
  let stopping = false;
  const failures: string[] = [];
  let requests = 0;
  const node = w.nodes[0]!.name;
  const loop = (async () => {
    while (!stopping) {
      requests++;
      const answer = await curlFromNode(w, node, url).catch((error: Error) => `failed: ${error.message}`);
      if (!welcome.test(answer)) failures.push(answer);
    }
  })();
  return {
    async stop() {
      stopping = true;
      await loop;
      return { requests, failures };
    },
  };
}

export const steps: readonly Step[] = [
  {
    title: 'Nodes',
    async run(w) {
      const output = await show(w, 'get nodes -o wide');
      expectThat((output.match(/ Ready /g) ?? []).length === w.nodes.length, `${w.nodes.length} Ready nodes`, output);
    },
  },
  {
    title: 'A Deployment of two replicas, on two nodes',
    async run(w) {
      await show(w, 'apply -f -', /deployment.apps\/my-nginx created/, deployment('wherry/nginx:1'));
      await show(w, 'rollout status deployment/my-nginx --timeout=60s', /successfully rolled out/);
      await show(w, 'get pods -l run=my-nginx -o wide', /Running/);
      const rows = await pods(w, 'run=my-nginx');
      expectThat(new Set(rows.map((p) => p.node)).size === 2, 'pods on two different nodes', JSON.stringify(rows));
      for (const pod of rows) {
        const cidr = await w.kubectl(['get', 'node', pod.node, '-o', 'jsonpath={.spec.podCIDR}']);
        expectThat(pod.ip.startsWith(cidr.split('.').slice(0, 3).join('.')), `an address from ${cidr}`, pod.ip);
      }
    },
  },
  {
    title: 'Every pod answers on every node',
    async run(w) {
      for (const pod of await pods(w, 'run=my-nginx')) {
        for (const node of w.nodes)
          expectThat(welcome.test(await curlFromNode(w, node.name, `http://${pod.ip}/`)), 'the welcome page', `${node.name} -> ${pod.ip}`);
        w.say(`curl http://${pod.ip}/ from ${w.nodes.length} nodes: Welcome to nginx!`);
      }
    },
  },
  {
    title: 'A Service; its variables are only in pods that are younger',
    async run(w) {
      await show(w, 'expose deployment my-nginx --port=80', /exposed/);
      await until(w, 'get endpointslices -l kubernetes.io/service-name=my-nginx', /10\.\d+\.\d+\.\d+,10\./);
      await show(w, 'get endpointslices -l kubernetes.io/service-name=my-nginx');
      const [old] = await pods(w, 'run=my-nginx');
      const before = await w.kubectl(['exec', old!.name, '--', 'printenv']);
      expectThat(
        /KUBERNETES_SERVICE_HOST=/.test(before) && !/MY_NGINX_SERVICE_HOST/.test(before),
        'no MY_NGINX_ variables in the old pod',
        before,
      );
      await show(w, 'scale deployment my-nginx --replicas=0', /scaled/);
      await until(w, 'get pods -l run=my-nginx', /^$/);
      await show(w, 'scale deployment my-nginx --replicas=2', /scaled/);
      await show(w, 'rollout status deployment/my-nginx --timeout=60s', /successfully/);
      const [young] = await pods(w, 'run=my-nginx');
      const after = await w.kubectl(['exec', young!.name, '--', 'printenv']);
      expectThat(/MY_NGINX_SERVICE_HOST=10\./.test(after), 'MY_NGINX_SERVICE_HOST in the new pod', after);
      w.say(
        after
          .split('\n')
          .filter((line) => line.includes('SERVICE_HOST'))
          .join('\n'),
      );
    },
  },
  {
    title: 'Names: nslookup and curl from a pod on another node',
    async run(w) {
      const used = new Set((await pods(w, 'run=my-nginx')).map((p) => p.node));
      const other = w.nodes.find((n) => !used.has(n.name)) ?? w.nodes[0]!;
      await show(w, 'apply -f -', /pod\/tools created/, toolsPod(other.name));
      await show(w, 'wait --for=condition=Ready pod/tools --timeout=30s', /met/);
      const ip = await w.kubectl(['get', 'service', 'my-nginx', '-o', 'jsonpath={.spec.clusterIP}']);
      await show(w, 'exec tools -- nslookup my-nginx.default.svc.cluster.local', new RegExp(ip.replaceAll('.', '\\.')));
      await show(w, 'exec tools -- curl -sS --max-time 5 http://my-nginx/', welcome);
    },
  },
  {
    title: 'TLS: a secret and a configMap in an https nginx',
    async run(w) {
      const [key, cert] = [join(w.dir, 'nginx.key'), join(w.dir, 'nginx.crt')];
      await run('openssl', [
        'req',
        '-x509',
        '-nodes',
        '-days',
        '2',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-keyout',
        key,
        '-out',
        cert,
        '-subj',
        '/CN=secure-nginx',
        '-addext',
        'subjectAltName=DNS:secure-nginx',
      ]);
      await writeFile(join(w.dir, 'default.conf'), httpsConfiguration);
      await show(w, `create secret tls nginxsecret --key ${key} --cert ${cert}`, /created/);
      await show(w, `create configmap nginxconfigmap --from-file=${join(w.dir, 'default.conf')}`, /created/);
      await show(w, 'apply -f -', /secure-nginx created/, httpsNginx);
      await show(w, 'rollout status deployment/secure-nginx --timeout=60s', /successfully/);
      await show(w, `cp ${cert} tools:/tmp/ca.crt`);
      await show(w, 'exec tools -- curl -sS --max-time 5 --cacert /tmp/ca.crt https://secure-nginx/', welcome);
    },
  },
  {
    title: "NodePort on each node's address",
    async run(w) {
      await show(w, `patch service my-nginx -p '{"spec":{"type":"NodePort"}}'`, /patched/);
      const port = await w.kubectl(['get', 'service', 'my-nginx', '-o', 'jsonpath={.spec.ports[0].nodePort}']);
      for (const node of w.nodes) {
        const answer = await waitFor({ what: `node port ${port} on ${node.name}`, timeoutMs: 10_000, everyMs: 100 }, () =>
          curlFromNode(w, w.nodes[0]!.name, `http://${node.ip}:${port}/`),
        );
        expectThat(welcome.test(answer), 'the welcome page', answer);
        w.say(`curl http://${node.ip}:${port}/: Welcome to nginx!`);
      }
    },
  },
  {
    title: 'Scale, a new image without a failed request, and back',
    async run(w) {
      await show(w, 'scale deployment my-nginx --replicas=5', /scaled/);
      await show(w, 'rollout status deployment/my-nginx --timeout=60s', /successfully/);
      const ip = await w.kubectl(['get', 'service', 'my-nginx', '-o', 'jsonpath={.spec.clusterIP}']);
      const requests = requestLoop(w, `http://${ip}/`);
      let result: { requests: number; failures: string[] };
      try {
        await show(w, 'set image deployment/my-nginx my-nginx=wherry/nginx:2', /image updated/);
        await show(w, 'rollout status deployment/my-nginx --timeout=120s', /successfully/);
      } finally {
        result = await requests.stop();
      }
      expectThat(
        result.failures.length === 0 && result.requests > 10,
        'no failed request',
        `${result.failures.length} of ${result.requests}: ${result.failures[0]}`,
      );
      w.say(`${result.requests} requests during the update, none failed`);
      const answer = await curlFromNode(w, w.nodes[0]!.name, `http://${ip}/`);
      expectThat(/nginx:2/.test(answer), 'version 2', answer);
      await show(w, 'rollout undo deployment/my-nginx', /rolled back/);
      await show(w, 'rollout status deployment/my-nginx --timeout=120s', /successfully/);
      await until(w, 'get deployment my-nginx -o wide', /wherry\/nginx:1/);
      await show(w, 'rollout history deployment/my-nginx', /REVISION/);
    },
  },
  {
    title: 'Logs, exec with a terminal, cp, port-forward',
    async run(w) {
      const [pod] = await pods(w, 'run=my-nginx');
      const follow = background(w, ['logs', '-f', pod!.name]);
      try {
        await waitFor({ what: 'a request in the log', timeoutMs: 10_000, everyMs: 100 }, async () => {
          await curlFromNode(w, w.nodes[0]!.name, `http://${pod!.ip}/?from=the-walk`);
          return follow.output().includes('from=the-walk');
        });
      } finally {
        await follow.stop();
      }
      w.say(`$ kubectl logs -f ${pod!.name}\n${follow.output().trim().split('\n').at(-1)}`);
      // The size comes beside the command, and may come after its start.
      const script = "until stty size | grep '33 99'; do sleep 0.1; done; exit 7";
      const terminal = await tryRun('script', ['-qec', `stty rows 33 cols 99; kubectl exec -ti tools -- sh -c "${script}"`, '/dev/null'], {
        env: { KUBECONFIG: w.kubeconfig, TERM: 'xterm' },
        timeoutMs: 20_000,
      });
      expectThat(
        /33 99/.test(terminal.stdout) && terminal.exitCode === 7,
        'the terminal size 33 99 and exit code 7',
        `${terminal.stdout} (${terminal.exitCode})`,
      );
      w.say(`$ kubectl exec -ti tools -- sh -c "${script}"\n${terminal.stdout.trim()}`);
      const bytes = randomBytes(300_000);
      await writeFile(join(w.dir, 'random'), bytes);
      await show(w, `cp ${join(w.dir, 'random')} tools:/tmp/random`);
      await show(w, `cp tools:/tmp/random ${join(w.dir, 'back')}`);
      expectThat(bytes.equals(await readFile(join(w.dir, 'back'))), 'the same bytes back', 'others');
      const forward = background(w, ['port-forward', 'service/my-nginx', ':80']);
      try {
        const port = await waitFor(
          { what: 'port-forward', timeoutMs: 10_000 },
          () => /127\.0\.0\.1:(\d+) -> 80/.exec(forward.output())?.[1],
        );
        const page = await fetchText(Number(port));
        expectThat(welcome.test(page), 'the welcome page through port-forward', page);
        w.say(`$ kubectl port-forward service/my-nginx :80\ncurl http://127.0.0.1:${port}/: Welcome to nginx!`);
      } finally {
        await forward.stop();
      }
    },
  },
  {
    title: 'A deleted pod is replaced',
    async run(w) {
      const before = await pods(w, 'run=my-nginx');
      await show(w, `delete pod ${before[0]!.name} --wait=false`, /deleted/);
      await waitFor({ what: 'five pods, one of them new', timeoutMs: 30_000, everyMs: 100 }, async () => {
        const now = await pods(w, 'run=my-nginx');
        return now.length === 5 && now.every((p) => p.ip) && now.some((p) => !before.some((b) => b.name === p.name));
      });
      await show(w, 'get pods -l run=my-nginx', /Running/);
    },
  },
  {
    title: 'describe, events, explain, server-side apply with a conflict',
    async run(w) {
      await show(w, 'describe deployment my-nginx', /ScalingReplicaSet/);
      const events = await w.kubectl(['get', 'events', '--sort-by=.metadata.creationTimestamp']);
      for (const reason of ['Scheduled', 'Pulled', 'Created', 'Started', 'Killing', 'SuccessfulCreate', 'ScalingReplicaSet'])
        expectThat(events.includes(reason), `an event ${reason}`, events);
      w.say(`$ kubectl get events\n${events.split('\n').slice(0, 6).join('\n')}\n…`);
      await show(w, 'explain deployment.spec.strategy', /rollingUpdate/);
      const owned = (value: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: shared }\ndata: { key: ${value} }\n`;
      await show(w, 'apply --server-side --field-manager=one -f -', /serverside-applied/, owned('a'));
      const conflict = await w.tryKubectl(['apply', '--server-side', '--field-manager=two', '-f', '-'], { input: owned('b') });
      expectThat(
        conflict.exitCode === 1 && /conflict with "one": \.data\.key/.test(conflict.stderr),
        'a conflict with "one"',
        conflict.stderr,
      );
      w.say(conflict.stderr.trim().split('\n')[0]!);
    },
  },
  {
    title: 'Delete all; nothing stays in the kernel',
    async run(w) {
      await show(w, 'delete deployment,service,pod,secret,configmap -l run --wait=true');
      await show(w, 'delete deployment my-nginx secure-nginx --ignore-not-found');
      await show(w, 'delete service my-nginx secure-nginx');
      await show(w, 'delete pod tools --ignore-not-found');
      await show(w, 'delete secret nginxsecret');
      await show(w, 'delete configmap nginxconfigmap shared');
      await until(w, 'get pods', /^$/, 60_000);
      for (const node of w.nodes) {
        await waitFor({ what: `${node.name} to be clean`, timeoutMs: 20_000, everyMs: 200 }, async () => {
          const rules = await w.onNode(node.name, ['iptables-save', '-t', 'nat']);
          const left = [
            ...(await podLinks(w, node.name)),
            ...rules.split('\n').filter((line) => line.includes('my-nginx') || line.includes('secure-nginx')),
          ];
          if (left.length > 0) throw new Error(left.join('\n'));
          return true;
        });
      }
      w.say('no pod link, no Service rule is left on any node');
    },
  },
];

/** Ends of pod cables on the node's bridge. */
async function podLinks(w: Walker, node: string): Promise<string[]> {
  const links = JSON.parse((await w.onNode(node, ['ip', '-json', 'link', 'show', 'type', 'veth'])) || '[]') as { ifname?: string }[];
  return links.map((l) => l.ifname ?? '').filter((name) => name !== '' && name !== 'eth0');
}

function fetchText(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/', timeout: 5000 }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}
