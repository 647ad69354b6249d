// The CRI service alone, without pods and API: for crictl, critest and other people's kubelets. Stopping it leaves all containers.
import { homeFirst } from '../kit/linux/index.ts';
import { createLogger, runServices, systemClock } from '../kit/run/index.ts';
import { createCri } from './cri/index.ts';
import { loadCriConfig, parseCriConfig } from './cri-config.ts';
import { criServer } from './cri-grpc/index.ts';

const file = process.argv[2];
if (file === '--warm') process.exit(0); // scripts/build: everything is loaded, the compile cache is written on exit
const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
const log = createLogger('cri');
try {
  if (!file) throw new Error('usage: cri CONFIG.json (or its text)');
  const config = file.startsWith('{') ? parseCriConfig(file) : await loadCriConfig(file);
  await homeFirst();
  const cri = await createCri({
    stateDir: config.stateDir,
    runDir: config.runDir,
    imagesDir: config.imagesDir,
    runtime: { path: config.runtime },
    runtimeHandlers: config.runtimeHandlers,
    cgroupParent: config.cgroupParent,
    cni: { bridge: config.bridge, subnet: config.podCIDR, clusterCIDR: config.podCIDR },
    insecureRegistries: config.insecureRegistries,
    mirrors: config.mirrors,
    registryCertsDir: config.registryCertsDir,
    log,
  });
  const { socket, streamingAddress, imagesDir: imagesFolder } = config;
  try {
    await runServices([criServer({ socket, streamingAddress, imagesFolder, cri, clock: systemClock, log })], stop.signal, () =>
      log.info({ socket }, 'ready'),
    );
  } finally {
    await cri.close();
  }
} catch (error) {
  if (!stop.signal.aborted) {
    log.fatal({ err: error }, 'cri failed');
    process.exitCode = 1;
  }
}
// Timers and sockets of libraries must not keep a stopped service alive.
process.exit();
