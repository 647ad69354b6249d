// The agent's settings as a KubeletConfiguration, which tools read from /configz. Pure.
import { quantityText } from '../../api/meta/index.ts';

export interface ShownSettings {
  clusterDNS: string;
  clusterDomain: string;
  nodeIP: string;
  port: number;
  clientCA: string;
  servingCert: string;
  servingKey: string;
  cgroupParent: string;
  containerLogMaxBytes: number;
  containerLogMaxFiles: number;
  maxPods: number;
  podPidsLimit: number;
  staticPodPath?: string;
  rotateCertificates: boolean;
  reserved: Readonly<Record<string, string>>;
  imageGCHighThresholdPercent: number;
  imageGCLowThresholdPercent: number;
  imageMinimumGCAgeMs: number;
  imageMaximumGCAgeMs: number;
  shutdownGracePeriodMs: number;
  shutdownGracePeriodCriticalPodsMs: number;
  shutdownGracePeriodByPodPriority: readonly { priority: number; shutdownGracePeriodSeconds: number }[];
  eviction: {
    hard: Readonly<Record<string, string>>;
    soft: Readonly<Record<string, string>>;
    softGraceMs: Readonly<Record<string, number>>;
    minimumReclaim: Readonly<Record<string, string>>;
    transitionMs: number;
    podGraceSecondsMax: number;
  };
}

/** What can be set, as it is set, and what cannot, as it always is. */
export function kubeletConfiguration(settings: ShownSettings): object {
  const { eviction, shutdownGracePeriodByPodPriority: byPriority } = settings;
  return {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    ...(settings.staticPodPath === undefined ? {} : { staticPodPath: settings.staticPodPath }),
    address: settings.nodeIP,
    port: settings.port,
    tlsCertFile: settings.servingCert,
    tlsPrivateKeyFile: settings.servingKey,
    rotateCertificates: settings.rotateCertificates,
    serverTLSBootstrap: settings.rotateCertificates,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: settings.clientCA } },
    authorization: { mode: 'Webhook' },
    clusterDNS: [settings.clusterDNS],
    clusterDomain: settings.clusterDomain,
    cgroupRoot: settings.cgroupParent,
    cgroupDriver: 'cgroupfs',
    containerLogMaxFiles: settings.containerLogMaxFiles,
    containerLogMaxSize: bytesText(settings.containerLogMaxBytes),
    enableServer: true,
    evictionHard: eviction.hard,
    evictionSoft: eviction.soft,
    evictionSoftGracePeriod: durations(eviction.softGraceMs),
    evictionMinimumReclaim: eviction.minimumReclaim,
    evictionPressureTransitionPeriod: durationText(eviction.transitionMs),
    evictionMaxPodGracePeriod: eviction.podGraceSecondsMax,
    imageGCHighThresholdPercent: settings.imageGCHighThresholdPercent,
    imageGCLowThresholdPercent: settings.imageGCLowThresholdPercent,
    imageMinimumGCAge: durationText(settings.imageMinimumGCAgeMs),
    imageMaximumGCAge: durationText(settings.imageMaximumGCAgeMs),
    maxPods: settings.maxPods,
    podPidsLimit: settings.podPidsLimit,
    nodeLeaseDurationSeconds: 40,
    nodeStatusReportFrequency: '5m0s',
    nodeStatusUpdateFrequency: '10s',
    registerNode: true,
    serializeImagePulls: false,
    shutdownGracePeriod: durationText(settings.shutdownGracePeriodMs),
    shutdownGracePeriodCriticalPods: durationText(settings.shutdownGracePeriodCriticalPodsMs),
    ...(byPriority.length > 0 ? { shutdownGracePeriodByPodPriority: byPriority } : {}),
    systemReserved: settings.reserved,
  };
}

/** In the biggest binary unit that leaves no fraction. */
const bytesText = (bytes: number): string => quantityText({ unscaled: BigInt(bytes), scale: 0, format: 'BinarySI' });

/** As Go writes durations: `1h0m0s`, `5m0s`, `1.5s`, `500ms`, `0s`. */
export function durationText(ms: number): string {
  if (ms > 0 && ms < 1000) return `${ms}ms`;
  const [hours, minutes, seconds] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, (ms % 60_000) / 1000];
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`;
}

const durations = (values: Readonly<Record<string, number>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, ms]) => [name, durationText(ms)]));
