// The CRI service alone, without pods and API: for crictl, critest and other people's kubelets. Stopping it leaves all containers.
import { homeFirst, openPodCgroups } from '../kit/linux/index.ts';
import { runServices, systemClock } from '../kit/run/index.ts';
import { createCri } from './cri/index.ts';
import { loadCriConfig, parseCriConfig } from './cri-config.ts';
import { criServer } from './cri-grpc/index.ts';
import { runProgram } from './program.ts';

await runProgram('cri', 'cri CONFIG.json (or its text)', async (file, signal, log) => {
  const config = file.startsWith('{') ? parseCriConfig(file) : await loadCriConfig(file);
  await homeFirst();
  const cri = await createCri({
    stateDir: config.stateDir,
    runDir: config.runDir,
    imagesDir: config.imagesDir,
    runtime: { path: config.runtime },
    runtimeHandlers: config.runtimeHandlers,
    groups: await openPodCgroups(config.cgroupDriver, config.cgroupParent),
    cni: { bridge: config.bridge, subnet: config.podCIDR, clusterCIDR: config.podCIDR },
    insecureRegistries: config.insecureRegistries,
    mirrors: config.mirrors,
    registryCertsDir: config.registryCertsDir,
    log,
  });
  const { socket, streamingAddress, imagesDir: imagesFolder } = config;
  try {
    await runServices([criServer({ socket, streamingAddress, imagesFolder, cri, clock: systemClock, log })], signal, () =>
      log.info({ socket }, 'ready'),
    );
  } finally {
    await cri.close();
  }
});
