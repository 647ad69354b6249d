// Test fixture: makes and removes pods without end, until it is killed. Arguments: folder, node's namespace, cgroup, who makes groups.
import type { CgroupDriverName } from '../../kit/linux/index.ts';
import { openOwn } from './own.fixture.ts';

const [folder = '', node = '', cgroupParent = '', cgroupDriver] = process.argv.slice(2);
const cri = await openOwn({ folder, node, cgroupParent, cgroupDriver: cgroupDriver as CgroupDriverName }, { path: 'runc' });
process.stdout.write('ready\n');

async function live(name: string): Promise<void> {
  for (let n = 0; ; n++) {
    const sandboxId = await cri.runPodSandbox({
      metadata: { name, namespace: 'default', uid: `${name}-${process.pid}-${n}`, attempt: 0 },
      hostname: name,
      logDirectory: `${folder}/logs/${name}`,
      linux: { namespaces: { pid: n % 3 === 0 ? 'pod' : 'container' } },
    });
    const id = await cri.createContainer(sandboxId, {
      metadata: { name: 'main', attempt: 0 },
      image: 'wherry/test:1',
      command: ['sleep', n % 2 ? '0' : '60'],
      logPath: 'main.log',
    });
    await cri.startContainer(id);
    await cri.removePodSandbox(sandboxId);
  }
}
await Promise.all(['a', 'b', 'c'].map(live));
