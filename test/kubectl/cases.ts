// What kubectl is asked in order and what it must say: Kubernetes' own behaviour, one case a command or form of it.
// Each version of kubectl runs the list in a namespace of its own; `{ns}` in a case is its name.

export interface Case {
  title: string;
  args: readonly string[];
  input?: string;
  /** Default 0. */
  exitCode?: number;
  out?: string | RegExp;
  err?: RegExp;
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { part: web } }
spec:
  replicas: 0
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: "wherry/tools:1" }] }
`;
const map = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, labels: { pruned: "yes" } }\ndata: { key: ${value} }\n`;

const served: Case[] = [
  { title: 'version', args: ['version'], out: /^Client Version: v1\.\d+[\s\S]*^Server Version: v1\.36\.\d+/m },
  { title: 'version -o json', args: ['version', '-o', 'json'], out: /"serverVersion": \{[\s\S]*"minor": "36"/ },
  {
    title: 'cluster-info',
    args: ['cluster-info', '-n', 'kube-system'],
    out: /Kubernetes control plane.* is running at .*https:\/\/[\s\S]*DNS.* is running at /,
  },
  {
    title: 'cluster-info dump',
    args: ['cluster-info', 'dump', '--namespaces={ns}'],
    out: /"kind": "NodeList"[\s\S]*"kind": "ReplicaSetList"/,
  },
  { title: 'api-versions', args: ['api-versions'], out: /^apps\/v1$[\s\S]*^v1$/m },
  {
    title: 'api-resources of a verb',
    args: ['api-resources', '--verbs=list', '--namespaced=false', '-o', 'name'],
    out: /^nodes$[\s\S]*^storageclasses/m,
  },
  { title: 'api-resources, an unknown group', args: ['api-resources', '--api-group=none.example'], out: /^(NAME +SHORTNAMES.*\n)?$/ },
  { title: 'an unknown type', args: ['get', 'gizmos'], exitCode: 1, err: /^error: the server doesn't have a resource type "gizmos"\n$/ },
];

const created: Case[] = [
  { title: 'create configmap', args: ['create', 'configmap', 'made', '--from-literal=a=b'], out: 'configmap/made created\n' },
  {
    title: 'create again',
    args: ['create', 'configmap', 'made'],
    exitCode: 1,
    err: /^error: failed to create configmap: configmaps "made" already exists\n$/,
  },
  { title: 'create secret generic', args: ['create', 'secret', 'generic', 'hidden', '--from-literal=a=b'], out: 'secret/hidden created\n' },
  {
    title: 'create secret docker-registry',
    args: ['create', 'secret', 'docker-registry', 'pull', '--docker-server=s', '--docker-username=u', '--docker-password=p'],
    out: 'secret/pull created\n',
  },
  { title: 'create serviceaccount', args: ['create', 'serviceaccount', 'robot'], out: 'serviceaccount/robot created\n' },
  { title: 'create token', args: ['create', 'token', 'robot', '--duration=1h'], out: /^ey[\w-]+\.[\w-]+\.[\w-]+\n?$/ },
  { title: 'create token of nobody', args: ['create', 'token', 'nobody'], exitCode: 1, err: /serviceaccounts "nobody" not found/ },
  {
    title: 'create role',
    args: ['create', 'role', 'reader', '--verb=get,list', '--resource=pods,deployments.apps'],
    out: 'role.rbac.authorization.k8s.io/reader created\n',
  },
  {
    title: 'create rolebinding',
    args: ['create', 'rolebinding', 'reader', '--role=reader', '--serviceaccount={ns}:robot'],
    out: 'rolebinding.rbac.authorization.k8s.io/reader created\n',
  },
  {
    title: 'create clusterrole --dry-run=server',
    args: ['create', 'clusterrole', 'everywhere', '--verb=get', '--resource=nodes', '--dry-run=server'],
    out: 'clusterrole.rbac.authorization.k8s.io/everywhere created (server dry run)\n',
  },
  { title: 'can-i, yes', args: ['auth', 'can-i', 'list', 'pods', '--as=system:serviceaccount:{ns}:robot'], out: 'yes\n' },
  { title: 'can-i, no', args: ['auth', 'can-i', 'delete', 'pods', '--as=system:serviceaccount:{ns}:robot'], exitCode: 1, out: 'no\n' },
  {
    title: 'can-i --list',
    args: ['auth', 'can-i', '--list', '--as=system:serviceaccount:{ns}:robot'],
    out: /deployments\.apps +\[\] +\[\] +\[get list\]/,
  },
  {
    title: 'what a service account may not',
    args: ['get', 'secrets', '--as=system:serviceaccount:{ns}:robot'],
    exitCode: 1,
    err: /^Error from server \(Forbidden\): secrets is forbidden: User "system:serviceaccount:{ns}:robot" cannot list resource "secrets" in API group "" in the namespace "{ns}"\n$/,
  },
  {
    title: 'whoami as another',
    args: ['auth', 'whoami', '--as=jane', '--as-group=crew'],
    out: /Username +jane\nGroups +\[crew system:authenticated\]/,
  },
  {
    title: 'create quota',
    args: ['create', 'quota', 'few', '--hard=count/configmaps=20,pods=9'],
    out: 'resourcequota/few created\n',
  },
  {
    title: 'create poddisruptionbudget',
    args: ['create', 'poddisruptionbudget', 'some', '--selector=app=web', '--min-available=1'],
    out: 'poddisruptionbudget.policy/some created\n',
  },
  {
    title: 'create ingress',
    args: ['create', 'ingress', 'way', '--rule=a.example/=web:80'],
    out: 'ingress.networking.k8s.io/way created\n',
  },
  { title: 'create service', args: ['create', 'service', 'clusterip', 'plain', '--tcp=80:8080'], out: 'service/plain created\n' },
  { title: 'create job', args: ['create', 'job', 'once', '--image=wherry/tools:1', '--', 'true'], out: 'job.batch/once created\n' },
  {
    title: 'wait for the job',
    args: ['wait', '--for=condition=complete', 'job/once', '--timeout=60s'],
    out: 'job.batch/once condition met\n',
  },
  {
    title: 'create cronjob',
    args: ['create', 'cronjob', 'often', '--image=wherry/tools:1', '--schedule=0 0 1 1 *', '--', 'true'],
    out: 'cronjob.batch/often created\n',
  },
  { title: 'a job of the cronjob', args: ['create', 'job', 'now', '--from=cronjob/often'], out: 'job.batch/now created\n' },
  {
    title: 'create -f with an unknown field',
    args: ['create', '-f', '-'],
    input: map('strict', 'a').replace('\ndata:', '\ndta:'),
    exitCode: 1,
    err: /strict decoding error: unknown field "dta"/,
  },
];

const applied: Case[] = [
  { title: 'apply creates', args: ['apply', '-f', '-'], input: deployment, out: 'deployment.apps/web created\n' },
  { title: 'apply again', args: ['apply', '-f', '-'], input: deployment, out: 'deployment.apps/web unchanged\n' },
  { title: 'diff, the same', args: ['diff', '-f', '-'], input: deployment, out: '' },
  {
    title: 'diff',
    args: ['diff', '-f', '-'],
    input: deployment.replace('tools:1', 'tools:2'),
    exitCode: 1,
    out: /^- {8}image: wherry\/tools:1\n\+ {6}- image: wherry\/tools:2|^-.*image: wherry\/tools:1\n\+.*image: wherry\/tools:2/m,
  },
  {
    title: 'apply --server-side over what was applied by the client',
    args: ['apply', '--server-side', '-f', '-'],
    input: deployment,
    out: 'deployment.apps/web serverside-applied\n',
  },
  {
    title: 'apply --server-side, somebody else',
    args: ['apply', '--server-side', '--field-manager=other', '-f', '-'],
    input: deployment.replace('tools:1', 'tools:2'),
    exitCode: 1,
    err: /^error: Apply failed with 1 conflict: conflict with "kubectl": \.spec\.template\.spec\.containers\[name="web"\]\.image\n/,
  },
  {
    title: 'apply --dry-run=server',
    args: ['apply', '--dry-run=server', '-f', '-'],
    input: deployment.replace('part: web', 'part: wab'),
    out: 'deployment.apps/web configured (server dry run)\n',
  },
  {
    title: 'apply set: prune, first',
    args: ['apply', '--prune', '-l', 'pruned=yes', '--prune-allowlist=core/v1/ConfigMap', '-f', '-'],
    input: `${map('one', 'a')}---\n${map('two', 'a')}`,
    out: 'configmap/one created\nconfigmap/two created\n',
  },
  {
    title: 'apply set: prune, then',
    args: ['apply', '--prune', '-l', 'pruned=yes', '--prune-allowlist=core/v1/ConfigMap', '-f', '-'],
    input: map('one', 'a'),
    out: 'configmap/one unchanged\nconfigmap/two pruned\n',
  },
  { title: 'replace', args: ['replace', '-f', '-'], input: map('one', 'b'), out: 'configmap/one replaced\n' },
  {
    title: 'replace --force',
    args: ['replace', '--force', '-f', '-'],
    input: map('one', 'c'),
    out: /^configmap "one" deleted.*\nconfigmap\/one replaced\n$/,
  },
  {
    title: 'replace what is not there',
    args: ['replace', '-f', '-'],
    input: map('none', 'b'),
    exitCode: 1,
    err: /^Error from server \(NotFound\): error when replacing "STDIN": configmaps "none" not found\n$/,
  },
  { title: 'view-last-applied', args: ['apply', 'view-last-applied', 'deployment/web'], out: /^apiVersion: apps\/v1\nkind: Deployment\n/ },
];

const changed: Case[] = [
  {
    title: 'patch, strategic',
    args: [
      'patch',
      'deployment',
      'web',
      '-p',
      '{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"A","value":"1"}]}]}}}}',
    ],
    out: 'deployment.apps/web patched\n',
  },
  {
    title: 'patch, no change',
    args: ['patch', 'deployment', 'web', '--type=merge', '-p', '{"spec":{"replicas":0}}'],
    out: 'deployment.apps/web patched (no change)\n',
  },
  {
    title: 'patch, json',
    args: ['patch', 'configmap', 'one', '--type=json', '-p', '[{"op":"add","path":"/data/x","value":"y"}]'],
    out: 'configmap/one patched\n',
  },
  {
    title: 'patch, a bad form',
    args: ['patch', 'configmap', 'one', '--type=json', '-p', '{}'],
    exitCode: 1,
    err: /cannot unmarshal object into Go value|BadRequest/,
  },
  { title: 'label', args: ['label', 'configmap', 'one', 'a=b'], out: 'configmap/one labeled\n' },
  {
    title: 'label again',
    args: ['label', 'configmap', 'one', 'a=c'],
    exitCode: 1,
    err: /'a' already has a value \(b\), and --overwrite is false/,
  },
  { title: 'a bad label', args: ['label', 'configmap', 'one', 'a=-'], exitCode: 1, err: /a valid label must be|invalid label value/ },
  { title: 'annotate', args: ['annotate', 'configmap', 'one', 'note=taken'], out: /^configmap\/one annotated?\n$/ },
  { title: 'unlabel', args: ['label', 'configmap', 'one', 'a-'], out: 'configmap/one unlabeled\n' },
  { title: 'set image', args: ['set', 'image', 'deployment/web', 'web=wherry/nginx:1'], out: 'deployment.apps/web image updated\n' },
  { title: 'set env', args: ['set', 'env', 'deployment/web', 'B=2'], out: 'deployment.apps/web env updated\n' },
  { title: 'set env --list', args: ['set', 'env', 'deployment/web', '--list'], out: '# Deployment web, container web\nA=1\nB=2\n' },
  {
    title: 'set resources',
    args: ['set', 'resources', 'deployment/web', '--requests=cpu=10m'],
    out: 'deployment.apps/web resource requirements updated\n',
  },
  {
    title: 'set serviceaccount',
    args: ['set', 'serviceaccount', 'deployment/web', 'robot'],
    out: 'deployment.apps/web serviceaccount updated\n',
  },
  { title: 'scale', args: ['scale', 'deployment/web', '--replicas=0', '--current-replicas=0'], out: 'deployment.apps/web scaled\n' },
  {
    title: 'scale, not as it is',
    args: ['scale', 'deployment/web', '--replicas=2', '--current-replicas=3'],
    exitCode: 1,
    err: /Expected replicas to be 3, was 0/,
  },
  {
    title: 'autoscale',
    args: ['autoscale', 'deployment', 'web', '--min=1', '--max=2', '--cpu-percent=80'],
    out: 'horizontalpodautoscaler.autoscaling/web autoscaled\n',
  },
  { title: 'expose', args: ['expose', 'deployment', 'web', '--port=80', '--name=shown'], out: 'service/shown exposed\n' },
  { title: 'rollout pause', args: ['rollout', 'pause', 'deployment/web'], out: 'deployment.apps/web paused\n' },
  { title: 'rollout resume', args: ['rollout', 'resume', 'deployment/web'], out: 'deployment.apps/web resumed\n' },
  { title: 'rollout restart', args: ['rollout', 'restart', 'deployment/web'], out: 'deployment.apps/web restarted\n' },
  {
    title: 'rollout history',
    args: ['rollout', 'history', 'deployment/web'],
    out: /^deployment\.apps\/web \nREVISION +CHANGE-CAUSE\n1 +<none>\n/,
  },
];

const read: Case[] = [
  {
    title: 'get -o custom-columns',
    args: ['get', 'cm', 'one', '-o', 'custom-columns=N:.metadata.name,K:.data.key'],
    out: 'N     K\none   c\n',
  },
  { title: 'get -o jsonpath', args: ['get', 'cm', 'one', '-o', 'jsonpath={.data.x}'], out: 'y' },
  {
    title: 'get -o go-template',
    args: ['get', 'cm', '-l', 'pruned', '-o', 'go-template={{range .items}}{{.metadata.name}}{{end}}'],
    out: 'one',
  },
  { title: 'get --show-labels', args: ['get', 'cm', 'one', '--show-labels'], out: /^NAME +DATA +AGE +LABELS\none +2 +\S+ +pruned=yes\n$/ },
  {
    title: 'get --subresource=scale',
    args: ['get', 'deployment', 'web', '--subresource=scale'],
    out: /^NAME +DESIRED +AVAILABLE +AGE\nweb +0 +0 +\S+\n$|^NAME +AGE\nweb/,
  },
  { title: 'get nothing', args: ['get', 'daemonsets'], out: '', err: /^No resources found in {ns} namespace\.\n$/ },
  {
    title: 'get what is not there',
    args: ['get', 'cm', 'none'],
    exitCode: 1,
    err: /^Error from server \(NotFound\): configmaps "none" not found\n$/,
  },
  { title: 'get --ignore-not-found', args: ['get', 'cm', 'none', '--ignore-not-found'], out: '' },
  { title: 'get --raw', args: ['get', '--raw', '/api/v1/namespaces/{ns}'], out: /"kind":"Namespace"/ },
  { title: 'get --raw, nothing', args: ['get', '--raw', '/nothing'], exitCode: 1, err: /the server could not find the requested resource/ },
  {
    title: 'explain',
    args: ['explain', 'cronjob.spec.schedule'],
    out: /^GROUP: +batch\nKIND: +CronJob\nVERSION: +v1\n\nFIELD: schedule <string>/,
  },
  {
    title: 'describe',
    args: ['describe', 'cm', 'one'],
    out: /^Name: +one\nNamespace: +{ns}\nLabels: +pruned=yes\nAnnotations: +[\s\S]*\nData\n====\n[\s\S]*key:\n----\nc\n/,
  },
  { title: 'describe quota', args: ['describe', 'quota', 'few'], out: /count\/configmaps +\d+ +20\npods +\d+ +9/ },
  { title: 'logs of a job', args: ['logs', 'job/once'], out: '' },
  {
    title: 'wait --for=jsonpath',
    args: ['wait', '--for=jsonpath={.data.key}=c', 'cm/one', '--timeout=5s'],
    out: 'configmap/one condition met\n',
  },
  {
    title: 'wait in vain',
    args: ['wait', '--for=jsonpath={.data.key}=d', 'cm/one', '--timeout=1s'],
    exitCode: 1,
    err: /timed out waiting for the condition on configmaps\/one/,
  },
  { title: 'top needs pods', args: ['top', 'pod', '-l', 'none=none'], err: /No resources found in {ns} namespace\./ },
];

const removed: Case[] = [
  { title: 'delete by label', args: ['delete', 'cm', '-l', 'pruned=yes'], out: /^configmap "one" deleted( from {ns} namespace)?\n$/ },
  { title: 'delete what is not there', args: ['delete', 'cm', 'one'], exitCode: 1, err: /configmaps "one" not found/ },
  { title: 'delete --cascade=orphan', args: ['delete', 'deployment', 'web', '--cascade=orphan'], out: /^deployment\.apps "web" deleted/ },
  { title: 'what was orphaned is there', args: ['get', 'rs', '-l', 'app=web', '-o', 'name'], out: /^replicaset\.apps\/web-/ },
  {
    title: 'delete --cascade=foreground',
    args: ['delete', 'job', 'once', '--cascade=foreground', '--timeout=30s'],
    out: /^job\.batch "once" deleted/,
  },
  { title: 'its pods went first', args: ['get', 'pods', '-l', 'job-name=once'], err: /No resources found/ },
];

export const cases: readonly Case[] = [...served, ...created, ...applied, ...changed, ...read, ...removed];
