// The agent's settings as a KubeletConfiguration, which tools read from /configz. Pure.
import { durationText, quantityText } from '../api/meta/index.ts';
import type { AgentConfig } from './config.ts';

/** What can be set, as it is set, and what cannot, as it always is. */
export function kubeletConfiguration(settings: AgentConfig): object {
  const { eviction, preloadedImagesVerificationAllowlist: allowlist, shutdownGracePeriodByPodPriority: byPriority } = settings;
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
    cgroupDriver: settings.cgroupDriver,
    containerLogMaxFiles: settings.containerLogMaxFiles,
    containerLogMaxSize: bytesText(settings.containerLogMaxBytes),
    enableServer: true,
    evictionHard: eviction.hard,
    evictionSoft: eviction.soft,
    evictionSoftGracePeriod: durations(eviction.softGraceMs),
    evictionMinimumReclaim: eviction.minimumReclaim,
    evictionPressureTransitionPeriod: msText(eviction.transitionMs),
    evictionMaxPodGracePeriod: eviction.podGraceSecondsMax,
    imageGCHighThresholdPercent: settings.imageGCHighThresholdPercent,
    imageGCLowThresholdPercent: settings.imageGCLowThresholdPercent,
    imageMinimumGCAge: msText(settings.imageMinimumGCAgeMs),
    imageMaximumGCAge: msText(settings.imageMaximumGCAgeMs),
    imagePullCredentialsVerificationPolicy: settings.imagePullCredentialsVerificationPolicy,
    ...(allowlist.length > 0 ? { preloadedImagesVerificationAllowlist: allowlist } : {}),
    maxPods: settings.maxPods,
    podPidsLimit: settings.podPidsLimit,
    nodeLeaseDurationSeconds: 40,
    nodeStatusReportFrequency: '5m0s',
    nodeStatusUpdateFrequency: '10s',
    registerNode: true,
    serializeImagePulls: false,
    shutdownGracePeriod: msText(settings.shutdownGracePeriodMs),
    shutdownGracePeriodCriticalPods: msText(settings.shutdownGracePeriodCriticalPodsMs),
    ...(byPriority.length > 0 ? { shutdownGracePeriodByPodPriority: byPriority } : {}),
    systemReserved: settings.reserved,
  };
}

/** In the biggest binary unit that leaves no fraction. */
const bytesText = (bytes: number): string => quantityText({ unscaled: BigInt(bytes), scale: 0, format: 'BinarySI' });

const msText = (ms: number): string => durationText(ms * 1e6);

const durations = (values: Readonly<Record<string, number>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, ms]) => [name, msText(ms)]));
