// The services of device plugins, and of those who ask which devices pods were given: k8s.io/kubelet's deviceplugin/v1beta1 and
// podresources/v1.
import { type GrpcMethod, grpcMethods, grpcPackage } from '../../kit/grpc/index.ts';
import devicePlugin from './gen/device-plugin.json' with { type: 'json' };
import podResources from './gen/pod-resources.json' with { type: 'json' };

export const API_VERSION = 'v1beta1';

const plugins = grpcPackage('v1beta1', devicePlugin);
export const registrationMethods = (): Record<string, GrpcMethod> => grpcMethods(plugins, 'v1beta1.Registration');
export const pluginMethods = (): Record<string, GrpcMethod> => grpcMethods(plugins, 'v1beta1.DevicePlugin');
export const podResourcesMethods = (): Record<string, GrpcMethod> => grpcMethods(grpcPackage('v1', podResources), 'v1.PodResourcesLister');

export interface RegisterRequest {
  version: string;
  /** Name of the plugin's socket in the folder of plugins. */
  endpoint: string;
  resourceName: string;
}

export interface PluginOptions {
  preStartRequired: boolean;
  getPreferredAllocationAvailable: boolean;
}

export interface WireDevice {
  ID: string;
  /** `Healthy`, or anything else. */
  health: string;
  topology?: { nodes: { ID: number }[] } | null;
}

export const HEALTHY = 'Healthy';

export interface ContainerAnswer {
  envs: Record<string, string>;
  mounts: { containerPath: string; hostPath: string; readOnly: boolean }[];
  devices: { containerPath: string; hostPath: string; permissions: string }[];
  annotations: Record<string, string>;
  cdiDevices: { name: string }[];
}
