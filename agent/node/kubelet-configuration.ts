// The agent's settings as a KubeletConfiguration, which tools read from /configz. Pure.

export interface ShownSettings {
  clusterDNS: string;
  clusterDomain: string;
  nodeIP: string;
  port: number;
  clientCA: string;
  servingCert: string;
  servingKey: string;
}

/** What can be set, as it is set, and what cannot, as it always is. */
export function kubeletConfiguration(settings: ShownSettings): object {
  return {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    address: settings.nodeIP,
    port: settings.port,
    tlsCertFile: settings.servingCert,
    tlsPrivateKeyFile: settings.servingKey,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: settings.clientCA } },
    authorization: { mode: 'Webhook' },
    clusterDNS: [settings.clusterDNS],
    clusterDomain: settings.clusterDomain,
    cgroupDriver: 'cgroupfs',
    containerLogMaxFiles: 5,
    containerLogMaxSize: '10Mi',
    enableServer: true,
    maxPods: 110,
    nodeLeaseDurationSeconds: 40,
    nodeStatusReportFrequency: '5m0s',
    nodeStatusUpdateFrequency: '10s',
    serializeImagePulls: false,
  };
}
