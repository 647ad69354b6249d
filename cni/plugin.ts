// One call of the executable, as a function: CNI_* variables and the configuration in, the answer out (CNI spec 1.1).
import { BridgePlugin } from './bridge.ts';
import { NoAddressLeft } from './ipam.ts';
import { CNI_ERROR, CniError } from './result.ts';

export const SUPPORTED_VERSIONS = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];
const DEFAULT_STATE_DIR = '/var/lib/cni/networks';

interface NetworkConfig {
  cniVersion?: string;
  name?: string;
  type?: string;
  bridge?: string;
  mtu?: number;
  hairpinMode?: boolean;
  isDefaultGateway?: boolean;
  ipam?: { type?: string; subnet?: string; gateway?: string; dataDir?: string; ranges?: { subnet: string; gateway?: string }[][] };
  'cni.dev/valid-attachments'?: { containerID: string; ifname: string }[];
}

/** @throws CniError; anything else is an error of ours and becomes code 100 */
export async function runPlugin(env: NodeJS.ProcessEnv, stdin: string): Promise<object | undefined> {
  const command = env['CNI_COMMAND'] ?? '';
  if (command === 'VERSION') return { cniVersion: SUPPORTED_VERSIONS.at(-1), supportedVersions: SUPPORTED_VERSIONS };
  const config = parseConfig(stdin);
  using plugin = new BridgePlugin(networkOf(config));
  switch (command) {
    case 'ADD':
      return { ...(await tryAdd(plugin, attachmentOf(env, true))), cniVersion: config.cniVersion };
    case 'DEL':
      await plugin.del(attachmentOf(env, false));
      return undefined;
    case 'CHECK':
      await plugin.check(attachmentOf(env, true));
      return undefined;
    case 'GC':
      await plugin.gc(
        (config['cni.dev/valid-attachments'] ?? []).map(({ containerID, ifname }) => ({ containerId: containerID, ifName: ifname })),
      );
      return undefined;
    case 'STATUS':
      await plugin.ensureBridge().catch((error: Error) => {
        throw new CniError(CNI_ERROR.notAvailable, error.message);
      });
      return undefined;
    default:
      throw new CniError(CNI_ERROR.invalidEnvironment, `unknown CNI_COMMAND: ${command}`);
  }
}

async function tryAdd(plugin: BridgePlugin, attachment: { containerId: string; netnsPath: string; ifName: string }) {
  try {
    return await plugin.add(attachment);
  } catch (error) {
    if (error instanceof NoAddressLeft) throw new CniError(CNI_ERROR.tryAgainLater, error.message);
    throw error;
  }
}

function parseConfig(stdin: string): NetworkConfig {
  let config: NetworkConfig;
  try {
    config = JSON.parse(stdin) as NetworkConfig;
  } catch (error) {
    throw new CniError(CNI_ERROR.decoding, 'failed to decode the network configuration', String(error));
  }
  const version = config.cniVersion ?? '0.1.0';
  if (!SUPPORTED_VERSIONS.includes(version))
    throw new CniError(
      CNI_ERROR.incompatibleVersion,
      'incompatible CNI versions',
      `config is "${version}", plugin supports ${JSON.stringify(SUPPORTED_VERSIONS)}`,
    );
  return config;
}

function networkOf(config: NetworkConfig) {
  const range = config.ipam?.ranges?.[0]?.[0];
  const subnet = config.ipam?.subnet ?? range?.subnet;
  if (!config.name) throw new CniError(CNI_ERROR.invalidConfig, 'missing network name');
  if (!subnet) throw new CniError(CNI_ERROR.invalidConfig, 'ipam.subnet or ipam.ranges is needed');
  const gateway = config.ipam?.gateway ?? range?.gateway;
  return {
    name: config.name,
    bridge: config.bridge ?? 'cni0',
    subnet,
    stateDir: config.ipam?.dataDir ?? DEFAULT_STATE_DIR,
    defaultRoute: config.isDefaultGateway !== false,
    hairpin: config.hairpinMode !== false,
    ...(gateway ? { gateway } : {}),
    ...(config.mtu ? { mtu: config.mtu } : {}),
  };
}

/** CHECK and ADD need the namespace, DEL may come after it is gone. */
function attachmentOf(env: NodeJS.ProcessEnv, needsNetns: boolean) {
  const needed = ['CNI_CONTAINERID', 'CNI_IFNAME', ...(needsNetns ? ['CNI_NETNS'] : [])];
  const missing = needed.filter((name) => !env[name]);
  if (missing.length > 0) throw new CniError(CNI_ERROR.invalidEnvironment, `required env variables [${missing.join(',')}] missing`);
  const containerId = env['CNI_CONTAINERID'] ?? '';
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(containerId))
    throw new CniError(CNI_ERROR.invalidEnvironment, `invalid characters in containerID: ${containerId}`);
  return { containerId, ifName: env['CNI_IFNAME'] ?? '', netnsPath: env['CNI_NETNS'] ?? '' };
}
