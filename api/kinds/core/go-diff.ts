// What a refused update would have changed, as upstream shows it: both structs in Go's form as JSON, line by line, and three lines around.
import { goJson } from '../../meta/index.ts';

/**
 * Fields of the server's inner structs in their order. `=""`, `=0`, `=false`: the value when absent (null otherwise); `:Name` a struct,
 * `?:Name` one that may be absent, `[]:Name` a list of them.
 */
const STRUCTS: Readonly<Record<string, string>> = {
  PodSpec: `Volumes[]:Volume InitContainers[]:Container Containers[]:Container EphemeralContainers[]:EphemeralContainer RestartPolicy=""
    TerminationGracePeriodSeconds ActiveDeadlineSeconds DNSPolicy="" NodeSelector ServiceAccountName="" AutomountServiceAccountToken
    NodeName="" SecurityContext?:PodSecurityContext ImagePullSecrets[]:LocalObjectReference Hostname="" Subdomain="" SetHostnameAsFQDN
    Affinity SchedulerName="" Tolerations[]:Toleration HostAliases PriorityClassName="" Priority PreemptionPolicy DNSConfig ReadinessGates
    RuntimeClassName Overhead EnableServiceLinks TopologySpreadConstraints OS SchedulingGates ResourceClaims
    Resources?:ResourceRequirements HostnameOverride`,
  PodSecurityContext: `HostNetwork=false HostPID=false HostIPC=false ShareProcessNamespace HostUsers SELinuxOptions WindowsOptions RunAsUser
    RunAsGroup RunAsNonRoot SupplementalGroups SupplementalGroupsPolicy FSGroup FSGroupChangePolicy Sysctls SeccompProfile AppArmorProfile
    SELinuxChangePolicy`,
  Container: `Name="" Image="" Command Args WorkingDir="" Ports[]:ContainerPort EnvFrom[]:EnvFromSource Env[]:EnvVar
    Resources:ResourceRequirements ResizePolicy RestartPolicy RestartPolicyRules VolumeMounts[]:VolumeMount VolumeDevices
    LivenessProbe?:Probe ReadinessProbe?:Probe StartupProbe?:Probe Lifecycle TerminationMessagePath="" TerminationMessagePolicy=""
    ImagePullPolicy="" SecurityContext?:SecurityContext Stdin=false StdinOnce=false TTY=false`,
  ContainerPort: 'Name="" HostPort=0 ContainerPort=0 Protocol="" HostIP=""',
  EnvFromSource: 'Prefix="" ConfigMapRef SecretRef',
  EnvVar: 'Name="" Value="" ValueFrom?:EnvVarSource',
  EnvVarSource: `FieldRef?:ObjectFieldSelector ResourceFieldRef ConfigMapKeyRef?:KeySelector SecretKeyRef?:KeySelector FileKeyRef`,
  ObjectFieldSelector: 'APIVersion="" FieldPath=""',
  KeySelector: 'Name="" Key="" Optional',
  ResourceRequirements: 'Limits Requests Claims',
  VolumeMount: 'Name="" ReadOnly=false RecursiveReadOnly MountPath="" SubPath="" MountPropagation SubPathExpr=""',
  Probe: `Exec HTTPGet TCPSocket GRPC InitialDelaySeconds=0 TimeoutSeconds=0 PeriodSeconds=0 SuccessThreshold=0 FailureThreshold=0
    TerminationGracePeriodSeconds`,
  SecurityContext: `Capabilities Privileged SELinuxOptions WindowsOptions RunAsUser RunAsGroup RunAsNonRoot ReadOnlyRootFilesystem
    AllowPrivilegeEscalation ProcMount SeccompProfile AppArmorProfile`,
  LocalObjectReference: 'Name=""',
  Toleration: 'Key="" Operator="" Value="" Effect="" TolerationSeconds',
  Volume: `Name="" HostPath?:HostPathVolume EmptyDir?:EmptyDirVolume GCEPersistentDisk AWSElasticBlockStore GitRepo Secret?:SecretVolume NFS ISCSI Glusterfs
    PersistentVolumeClaim?:ClaimVolume RBD Quobyte FlexVolume Cinder CephFS Flocker DownwardAPI?:DownwardVolume FC AzureFile ConfigMap?:ConfigMapVolume VsphereVolume
    AzureDisk PhotonPersistentDisk Projected?:ProjectedVolume PortworxVolume ScaleIO StorageOS CSI Ephemeral Image`,
  HostPathVolume: 'Path="" Type',
  EmptyDirVolume: 'Medium="" SizeLimit',
  ClaimVolume: 'ClaimName="" ReadOnly=false',
  DownwardVolume: 'Items[]:DownwardFile DefaultMode',
  SecretVolume: 'SecretName="" Items[]:KeyToPath DefaultMode Optional',
  ConfigMapVolume: 'Name="" Items[]:KeyToPath DefaultMode Optional',
  ProjectedVolume: 'Sources[]:VolumeProjection DefaultMode',
  VolumeProjection: `Secret?:KeyProjection DownwardAPI?:DownwardProjection ConfigMap?:KeyProjection
    ServiceAccountToken?:TokenProjection ClusterTrustBundle PodCertificate`,
  KeyProjection: 'Name="" Items[]:KeyToPath Optional',
  DownwardProjection: 'Items[]:DownwardFile',
  DownwardFile: 'Path="" FieldRef?:ObjectFieldSelector ResourceFieldRef Mode',
  TokenProjection: 'Audience="" ExpirationSeconds=0 Path=""',
  KeyToPath: 'Key="" Path="" Mode',
  PersistentVolumeClaimSpec: `AccessModes Selector Resources:VolumeResources VolumeName="" StorageClassName VolumeMode
    DataSource?:TypedReference DataSourceRef?:TypedObjectReference VolumeAttributesClassName`,
  VolumeResources: 'Limits Requests',
  TypedReference: 'APIGroup Kind="" Name=""',
  TypedObjectReference: 'APIGroup Kind="" Name="" Namespace',
};

type Json = Record<string, unknown>;
interface Field {
  go: string;
  json: string;
  zero: unknown;
  struct: string | undefined;
  many: boolean;
  maybe: boolean;
}

const parsed = new Map<string, readonly Field[]>();
const EXCEPTIONS: Readonly<Record<string, string>> = { CephFS: 'cephfs', StorageOS: 'storageos' };

/** `DNSPolicy` is dnsPolicy in JSON, `SELinuxOptions` seLinuxOptions, `TTY` tty. */
const jsonName = (go: string): string => EXCEPTIONS[go] ?? go.replace(/^[A-Z]+?(?=$|[A-Z][a-z])|^[A-Z]/, (head) => head.toLowerCase());

function fieldsOf(struct: string): readonly Field[] {
  let fields = parsed.get(struct);
  if (fields === undefined) {
    const text = struct === 'EphemeralContainer' ? `${STRUCTS['Container']} TargetContainerName=""` : STRUCTS[struct]!;
    fields = text.split(/\s+/).map((one) => {
      const [, go, zero, form, name] = /^(\w+)(?:=(.*)|(\[\]:|\?:|:)(\w+))?$/.exec(one)!;
      return {
        go: go!,
        json: jsonName(go!),
        zero: zero === undefined ? null : JSON.parse(zero),
        struct: name,
        many: form === '[]:',
        maybe: form === '?:',
      };
    });
    parsed.set(struct, fields);
  }
  return fields;
}

function goStruct(value: Json, struct: string): Json {
  return Object.fromEntries(
    fieldsOf(struct).map(({ go, json, zero, struct: below, many, maybe }) => {
      const member = value[json];
      if (below === undefined) return [go, member ?? zero];
      if (many) return [go, Array.isArray(member) ? member.map((item) => goStruct(item as Json, below)) : null];
      return [go, maybe && (member === undefined || member === null) ? null : goStruct((member ?? {}) as Json, below)];
    }),
  );
}

const linesOf = (value: Json, struct: string): string[] => goJson(goStruct(value, struct), 1).split('\n');

/** Both as structs of that name; '' when they are the same. */
export function goDiff(old: object, now: object, struct: string): string {
  return unified(linesOf(old as Json, struct), linesOf(now as Json, struct));
}

interface Step {
  sign: ' ' | '-' | '+';
  line: string;
}

const AROUND = 3;

function unified(old: readonly string[], now: readonly string[]): string {
  const steps = script(old, now);
  let text = '';
  let [oldAt, nowAt] = [1, 1];
  for (let at = 0; at < steps.length; ) {
    const hunk = hunkAt(steps, at);
    for (; at < hunk.from; at++) [oldAt, nowAt] = [oldAt + 1, nowAt + 1];
    if (hunk.from === hunk.to) break;
    const part = steps.slice(hunk.from, hunk.to);
    const olds = part.filter(({ sign }) => sign !== '+').length;
    const nows = part.filter(({ sign }) => sign !== '-').length;
    text += `@@ -${oldAt},${olds} +${nowAt},${nows} @@\n${part.map(({ sign, line }) => `${sign}${line}\n`).join('')}`;
    [oldAt, nowAt, at] = [oldAt + olds, nowAt + nows, hunk.to];
  }
  return text;
}

/** The next changes from `at` on that lie near each other, with the lines around them. */
function hunkAt(steps: readonly Step[], at: number): { from: number; to: number } {
  const first = steps.findIndex(({ sign }, i) => i >= at && sign !== ' ');
  if (first < 0) return { from: steps.length, to: steps.length };
  let last = first;
  for (let i = first; i < steps.length && i - last <= 2 * AROUND; i++) if (steps[i]!.sign !== ' ') last = i;
  return { from: Math.max(at, first - AROUND), to: Math.min(steps.length, last + AROUND + 1) };
}

/** Equal ends are left out before the middle is compared line by line: specs differ in a few places. */
function script(old: readonly string[], now: readonly string[]): Step[] {
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head++;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const same = (line: string): Step => ({ sign: ' ', line });
  return [
    ...old.slice(0, head).map(same),
    ...middle(old.slice(head, old.length - tail), now.slice(head, now.length - tail)),
    ...old.slice(old.length - tail).map(same),
  ];
}

/** Beyond this many pairs of lines the middle is shown as gone and come. */
const PAIRS_MAX = 1_000_000;

function middle(old: readonly string[], now: readonly string[]): Step[] {
  if (old.length * now.length > PAIRS_MAX)
    return [...old.map((line): Step => ({ sign: '-', line })), ...now.map((line): Step => ({ sign: '+', line }))];
  const width = now.length + 1;
  const common = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      common[i * width + j] =
        old[i] === now[j] ? common[(i + 1) * width + j + 1]! + 1 : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  const steps: Step[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      steps.push({ sign: ' ', line: old[i++]! });
      j++;
    } else if (i < old.length && (j === now.length || common[(i + 1) * width + j]! >= common[i * width + j + 1]!))
      steps.push({ sign: '-', line: old[i++]! });
    else steps.push({ sign: '+', line: now[j++]! });
  }
  return steps;
}
