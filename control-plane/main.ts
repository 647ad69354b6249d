// The control plane: the list of services, nothing else.
import { setFlagsFromString } from 'node:v8';
import { createInformerFactory } from '../kit/client/index.ts';
import { createLogger, runServices } from '../kit/run/index.ts';
import { clusterDnsOf, readConfig } from './config.ts';
import { startControllers } from './controllers/index.ts';
import { routeService } from './controllers/route/index.ts';
import { startScheduler } from './scheduler/index.ts';
import { openControlPlane } from './start.ts';

// Patterns of clients (schemas, policies) that would backtrack without end go on in V8's linear engine.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
if (process.argv[2] === '--warm') process.exit(0); // scripts/build: everything is loaded, the compile cache is written on exit
const config = readConfig(process.argv[2] ?? 'control-plane.json');
const log = createLogger('control-plane');
const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());

/** The last line of the log is for people: `wherry up` shows it. */
function end(error: Error): never {
  log.fatal({ err: error }, 'the control plane ends');
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

/** From now on the heap grows by a fifth between collections. While the store's index is read it grows anyway, and each collection would be for nothing. */
function keepMemorySmall(): void {
  setFlagsFromString('--heap-growing-percent=20');
}

const { apiServer, listeners, clientOf, pki } = await openControlPlane(config, log).catch(end);
const informersOf = (component: string, user?: string) => {
  const client = clientOf(component, user);
  const onError = (err: unknown) => log.warn({ err, component }, 'an informer failed');
  return { client, informers: createInformerFactory(client, { signal: stop.signal, onError }), log: log.child({ component }) };
};

await runServices(
  [
    apiServer,
    listeners,
    startControllers({
      ...informersOf('kube-controller-manager'),
      clientOf: (user) => clientOf('kube-controller-manager', user),
      config: {
        rootCA: pki.ca.cert,
        signer: pki.ca,
        clusterDNS: clusterDnsOf(config),
        ...(config.podCIDR ? { clusterCIDR: config.podCIDR } : {}),
      },
    }),
    startScheduler(informersOf('kube-scheduler')),
    ...(config.netns ? [routeService(informersOf('route-controller', 'system:serviceaccount:kube-system:route-controller'))] : []),
  ],
  stop.signal,
  () => {
    keepMemorySmall();
    log.info('ready');
  },
).catch(end);
process.exit(0);
