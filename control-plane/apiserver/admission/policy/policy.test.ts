import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { apiVersionOf, type KubeObject, StatusError } from '../../../../api/meta/index.ts';
import { type Client, RESOURCES, type Resource } from '../../../../kit/client/index.ts';
import { openStore, type Store } from '../../../store/index.ts';
import type { Authorizer } from '../../authz/index.ts';
import { type ApiServer, createApiServer } from '../../index.ts';
import { openDoors } from '../../testing.ts';
import { mutatingPolicies, validatingPolicies } from './index.ts';

const {
  validatingadmissionpolicies: VALIDATING,
  validatingadmissionpolicybindings: VALIDATING_BINDING,
  mutatingadmissionpolicies: MUTATING,
  mutatingadmissionpolicybindings: MUTATING_BINDING,
  configmaps: CONFIGMAPS,
  deployments: DEPLOYMENTS,
  customresourcedefinitions: CRDS,
} = RESOURCES;
const LIMITS: Resource = { group: 'example.com', version: 'v1', plural: 'limits', kind: 'Limit', namespaced: false };

const ofNode = ({ field, value }: { field: string; value: string }) => field === 'spec.nodeName' && value === 'n';
/** May do nothing but get pods, and list those of one node. */
const nobody = {
  authorize: ({ verb, resource, fields }) => ({
    allowed: resource === 'pods' && (verb === 'get' || (verb === 'list' && fields?.some(ofNode) === true)),
    reason: '',
  }),
} as Authorizer;

let store: Store;
let server: ApiServer;
let client: Client;
const cleanup: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  store = await openStore({ driver: 'memory' });
  server = createApiServer({
    store,
    serviceCIDR: '10.0.0.0/16',
    security: (services) => openDoors([mutatingPolicies(services, nobody), validatingPolicies(services, nobody)]),
  });
  await server.start();
  client = server.client({ name: 'anna', uid: 'u1', groups: ['g'] }, 'test');
});
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});
afterAll(async () => {
  await server.close();
  await store.close();
});

const rule = (resource: Resource, ...operations: string[]) => ({
  resourceRules: [
    { apiGroups: [resource.group], apiVersions: ['v1'], operations: operations.length ? operations : ['*'], resources: [resource.plural] },
  ],
});

async function make(resource: Resource, name: string, spec: object): Promise<void> {
  await client.create(resource, { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name }, spec } as KubeObject);
  cleanup.push(() => client.delete(resource, name));
}

async function validating(spec: object, binding: object = {}): Promise<void> {
  await make(VALIDATING, 'p', spec);
  await make(VALIDATING_BINDING, 'b', { policyName: 'p', validationActions: ['Deny'], ...binding });
}
async function mutating(name: string, spec: object): Promise<void> {
  await make(MUTATING, name, { reinvocationPolicy: 'Never', matchConstraints: rule(CONFIGMAPS, 'CREATE', 'UPDATE'), ...spec });
  await make(MUTATING_BINDING, name, { policyName: name });
}

const configMap = (name: string, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  ...more,
});
const deployment = (replicas: number, image = 'registry.k8s.io/x'): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd', namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image }] } },
  },
});

/** `code reason: message`, or `created`. */
async function create(resource: Resource, object: KubeObject): Promise<string> {
  try {
    await client.create(resource, object, { dryRun: true });
    return 'created';
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return `${error.code} ${error.reason}: ${error.message}`;
  }
}
const applied = async (object: KubeObject): Promise<KubeObject> => client.create(CONFIGMAPS, object, { dryRun: true });

const denial = (what: string, why: string): string =>
  `${what} is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: ${why}`;

describe('ValidatingAdmissionPolicy', () => {
  test('denies what the expression denies, from the next request on, until it is gone', async () => {
    await validating({ matchConstraints: rule(DEPLOYMENTS), validations: [{ expression: 'object.spec.replicas <= 5' }] });
    expect(await create(DEPLOYMENTS, deployment(5))).toBe('created');
    expect(await create(DEPLOYMENTS, deployment(6))).toBe(
      `422 Invalid: ${denial('deployments.apps "d"', 'failed expression: object.spec.replicas <= 5')}`,
    );
    for (const undo of cleanup.splice(0).reverse()) await undo();
    expect(await create(DEPLOYMENTS, deployment(6))).toBe('created');
  });

  test('an untrusted registry, with a message of its own', async () => {
    await validating({
      matchConstraints: rule(DEPLOYMENTS),
      variables: [{ name: 'images', expression: 'object.spec.template.spec.containers.map(c, c.image)' }],
      validations: [
        {
          expression: "variables.images.all(i, i.startsWith('registry.k8s.io/'))",
          messageExpression: "'not from a trusted registry: ' + variables.images.filter(i, !i.startsWith('registry.k8s.io/')).join(', ')",
          reason: 'Forbidden',
        },
      ],
    });
    expect(await create(DEPLOYMENTS, deployment(1))).toBe('created');
    expect(await create(DEPLOYMENTS, deployment(1, 'evil.io/x'))).toBe(
      `403 Forbidden: ${denial('deployments.apps "d"', 'not from a trusted registry: evil.io/x')}`,
    );
  });

  test('a failing expression refuses, or is ignored', async () => {
    const spec = { matchConstraints: rule(CONFIGMAPS), validations: [{ expression: "object.data.x == '1'" }] };
    await validating(spec);
    expect(await create(CONFIGMAPS, configMap('a'))).toBe(
      `422 Invalid: ${denial('configmaps "a"', "expression 'object.data.x == '1'' resulted in error: no such key: data")}`,
    );
    for (const undo of cleanup.splice(0).reverse()) await undo();
    await validating({ ...spec, failurePolicy: 'Ignore' });
    expect(await create(CONFIGMAPS, configMap('a'))).toBe('created');
    expect(await create(CONFIGMAPS, configMap('a', { data: { x: '2' } }))).toContain('denied request');
  });

  test('conditions, exclusions and selectors leave requests out', async () => {
    await validating({
      matchConstraints: {
        ...rule(CONFIGMAPS),
        objectSelector: { matchExpressions: [{ key: 'free', operator: 'DoesNotExist' }] },
        excludeResourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['*'], resourceNames: ['excluded'] }],
      },
      matchConditions: [{ name: 'not-anna', expression: "object.metadata.name != 'condition'" }],
      validations: [{ expression: 'false', message: 'no' }],
    });
    expect(await create(CONFIGMAPS, configMap('a'))).toContain('denied request: no');
    expect(await create(CONFIGMAPS, configMap('excluded'))).toBe('created');
    expect(await create(CONFIGMAPS, configMap('condition'))).toBe('created');
    expect(await create(CONFIGMAPS, { ...configMap('a'), metadata: { name: 'a', namespace: 'default', labels: { free: '' } } })).toBe(
      'created',
    );
  });

  test('parameters by name and selector; none found', async () => {
    await client.create(CONFIGMAPS, configMap('limits', { data: { max: '3' } }));
    cleanup.push(() => client.delete(CONFIGMAPS, 'limits', { namespace: 'default' }));
    const spec = {
      matchConstraints: rule(DEPLOYMENTS),
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      validations: [
        { expression: 'params == null || object.spec.replicas <= int(params.data.max)', messageExpression: "'at most ' + params.data.max" },
      ],
    };
    await validating(spec, { paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' } });
    expect(await create(DEPLOYMENTS, deployment(3))).toBe('created');
    expect(await create(DEPLOYMENTS, deployment(4))).toContain('denied request: at most 3');
    await make(VALIDATING_BINDING, 'c', {
      policyName: 'p',
      validationActions: ['Deny'],
      paramRef: { selector: { matchLabels: { none: 'such' } }, parameterNotFoundAction: 'Deny' },
    });
    expect(await create(DEPLOYMENTS, deployment(3))).toContain(
      "with binding 'c' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
    );
  });

  test('parameters of a custom kind', async () => {
    await client.create(CRDS, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'limits.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Cluster',
        names: { plural: 'limits', kind: 'Limit' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', properties: { max: { type: 'integer' } } } },
          },
        ],
      },
    });
    cleanup.push(() => client.delete(CRDS, 'limits.example.com'));
    const spec = {
      matchConstraints: rule(DEPLOYMENTS),
      paramKind: { apiVersion: 'example.com/v1', kind: 'Limit' },
      validations: [{ expression: 'object.spec.replicas <= params.max' }],
    };
    await client.create(LIMITS, { apiVersion: 'example.com/v1', kind: 'Limit', metadata: { name: 'l' }, max: 2 });
    await validating(spec, { paramRef: { name: 'l', parameterNotFoundAction: 'Deny' } });
    expect(await create(DEPLOYMENTS, deployment(2))).toBe('created');
    expect(await create(DEPLOYMENTS, deployment(3))).toContain('denied request: failed expression');
  });

  test('a rule for another version of the kind sees that version', async () => {
    const autoscaler = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'h', namespace: 'default' } };
    const spec = {
      maxReplicas: 3,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } }],
    };
    await validating({
      matchConstraints: {
        resourceRules: [{ apiGroups: ['autoscaling'], apiVersions: ['v1'], operations: ['*'], resources: ['horizontalpodautoscalers'] }],
      },
      validations: [
        {
          expression: 'object.spec.targetCPUUtilizationPercentage == 50',
          messageExpression: "request.kind.version + ' ' + request.requestKind.version",
        },
      ],
    });
    expect(await create(RESOURCES.horizontalpodautoscalers, { ...autoscaler, spec } as KubeObject)).toContain('denied request: v1 v2');
  });

  test('the authorizer and the request are visible', async () => {
    await validating({
      matchConstraints: rule(CONFIGMAPS),
      validations: [
        { expression: "authorizer.group('').resource('pods').check('get').allowed()", message: 'pods' },
        {
          expression: "authorizer.group('').resource('pods').fieldSelector('spec.nodeName=n').check('list').allowed()",
          message: 'its pods',
        },
        { expression: "!authorizer.group('').resource('pods').fieldSelector('spec.nodeName=').check('list').allowed()", message: 'others' },
        { expression: "!authorizer.group('').resource('pods').fieldSelector('no selector').check('list').allowed()", message: 'all' },
        { expression: "!authorizer.requestResource.check('own').allowed()", message: 'own' },
        {
          expression:
            "request.userInfo.username == 'anna' && request.resource.resource == 'configmaps' && request.dryRun && oldObject == null",
          message: 'request',
        },
        { expression: "namespaceObject.metadata.name == 'default'", message: 'namespace' },
      ],
    });
    expect(await create(CONFIGMAPS, configMap('a'))).toBe('created');
  });

  test('a budget ends an endless evaluation', async () => {
    await validating({
      matchConstraints: rule(CONFIGMAPS),
      validations: [{ expression: "object.data.x.split('').all(a, object.data.x.split('').all(b, a == b))" }],
    });
    expect(await create(CONFIGMAPS, configMap('a', { data: { x: 'x'.repeat(20_000) } }))).toContain(
      'operation cancelled: actual cost limit exceeded',
    );
  });

  test.each([
    [
      { validations: [{ expression: 'object.x' }] },
      'spec.validations[0].expression: Invalid value: "object.x": must evaluate to bool but got dyn',
    ],
    [
      { validations: [{ expression: 'x' }] },
      "compilation failed: ERROR: <input>:1:1: undeclared reference to 'x' (in container '')\n | x\n | ^",
    ],
    [{ validations: [{ expression: 'params.x' }] }, "undeclared reference to 'params'"],
    [{ validations: [{ expression: 'true', messageExpression: '1' }] }, 'must evaluate to string but got int'],
    [{ validations: [{ expression: 'true', reason: 'Because' }] }, 'spec.validations[0].reason: Unsupported value: "Because"'],
    [{ variables: [{ name: '1a', expression: '1' }], validations: [{ expression: 'true' }] }, 'name is not a valid CEL identifier'],
    [{ variables: [{ name: 'a', expression: '1' }], validations: [{ expression: "variables.a == 'x'" }] }, "applied to '(int, string)'"],
    [{ matchConditions: [{ name: 'a', expression: '1' }], validations: [{ expression: 'true' }] }, 'must evaluate to bool but got int'],
  ])('a policy that does not compile is refused: %j', async (spec, why) => {
    await expect(make(VALIDATING, 'bad', { matchConstraints: rule(CONFIGMAPS), ...spec })).rejects.toThrow(why);
  });
});

describe('MutatingAdmissionPolicy', () => {
  const label = (name: string, value: string): object => ({
    patchType: 'ApplyConfiguration',
    applyConfiguration: { expression: `Object{metadata: Object.metadata{labels: Object.metadata.labels{${name}: ${value}}}}` },
  });
  const patch = (expression: string): object => ({ patchType: 'JSONPatch', jsonPatch: { expression } });

  test('merges a configuration and applies patches, in the order of names', async () => {
    await mutating('a', { mutations: [label('added', "'yes'")] });
    await mutating('b', {
      variables: [{ name: 'n', expression: 'object.metadata.name' }],
      mutations: [
        patch(
          "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a.io/b'), value: variables.n + object.metadata.labels.added}]",
        ),
      ],
    });
    const made = await applied(configMap('one', { data: { x: '1' } }));
    expect(made.metadata.labels).toEqual({ added: 'yes', 'a.io/b': 'oneyes' });
    expect(made['data']).toEqual({ x: '1' });
  });

  test('a patch may carry a part of an object', async () => {
    const labels = "[JSONPatch{op: 'add', path: '/metadata/labels', value: Object.metadata.labels{a: 'b'}}]";
    await mutating('a', { mutations: [patch(labels)] });
    expect((await applied(configMap('one'))).metadata.labels).toEqual({ a: 'b' });
  });

  test('a failed test leaves the object alone; other failures refuse', async () => {
    await mutating('a', {
      mutations: [patch("[JSONPatch{op: 'test', path: '/data/x', value: 'no'}, JSONPatch{op: 'remove', path: '/data/x'}]")],
    });
    expect((await applied(configMap('one', { data: { x: '1' } })))['data']).toEqual({ x: '1' });
    await mutating('b', { mutations: [patch("[JSONPatch{op: 'remove', path: '/data/none'}]")] });
    expect(await create(CONFIGMAPS, configMap('one', { data: { x: '1' } }))).toBe(
      "403 Invalid: policy 'b' with binding 'b' denied request: JSON Patch: error in remove for path: '/data/none': Unable to remove nonexistent key: none: missing value",
    );
  });

  test('a policy that wants it is asked again when a later one changed something', async () => {
    const count = "object.metadata.?labels.?n.orValue('') + 'x'";
    await mutating('a', { reinvocationPolicy: 'IfNeeded', mutations: [label('n', count)] });
    await mutating('b', { mutations: [label('late', "'1'")] });
    expect((await applied(configMap('one'))).metadata.labels).toEqual({ n: 'xx', late: '1' });
  });

  test('a container is merged into a list by its name, and defaulted', async () => {
    await mutating('a', {
      matchConstraints: rule(DEPLOYMENTS, 'CREATE'),
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: {
            expression: `Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [
              Object.spec.template.spec.containers{name: 'mesh', image: 'mesh:1'},
              Object.spec.template.spec.containers{name: 'c', env: [Object.spec.template.spec.containers.env{name: 'A', value: 'b'}]}
            ]}}}}`,
          },
        },
      ],
    });
    const made = await client.create(DEPLOYMENTS, deployment(1), { dryRun: true });
    const containers = made['spec'].template.spec.containers;
    expect(containers.map(({ name, image, env, imagePullPolicy }: any) => ({ name, image, env, imagePullPolicy }))).toEqual([
      { name: 'mesh', image: 'mesh:1', env: undefined, imagePullPolicy: 'IfNotPresent' },
      { name: 'c', image: 'registry.k8s.io/x', env: [{ name: 'A', value: 'b' }], imagePullPolicy: 'Always' },
    ]);
  });

  test('what does not fit the schema, or is atomic, is not merged', async () => {
    const set = (expression: string): object => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
    await mutating('a', { matchConstraints: rule(DEPLOYMENTS, 'CREATE'), mutations: [set('Object{spec: Object.spec{nope: 1}}')] });
    expect(await create(DEPLOYMENTS, deployment(1))).toContain('error applying patch: failed to convert patch object to typed object: ');
    for (const undo of cleanup.splice(0).reverse()) await undo();
    await mutating('a', {
      matchConstraints: rule(DEPLOYMENTS, 'CREATE'),
      mutations: [set("Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {'x': 'y'}}}}")],
    });
    expect(await create(DEPLOYMENTS, deployment(1))).toContain(
      'invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector',
    );
  });

  test('names of types must follow the path', async () => {
    await mutating('a', {
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{metadata: Object.spec{name: "x"}}' } }],
    });
    expect(await create(CONFIGMAPS, configMap('one'))).toContain(
      'type mismatch: unexpected type name "Object.spec", expected "Object.metadata"',
    );
  });

  test.each([
    [[label('a', '1 +')], 'compilation failed: ERROR'],
    [[{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: '1' } }], 'must evaluate to Object but got int'],
    [[patch("'x'")], 'must evaluate to list(JSONPatch) but got string'],
  ])('a policy that does not compile is refused: %j', async (mutations, why) => {
    await expect(
      make(MUTATING, 'bad', { reinvocationPolicy: 'Never', matchConstraints: rule(CONFIGMAPS, 'CREATE'), mutations }),
    ).rejects.toThrow(why);
  });
});

test('checks, mutations and the plug-ins are counted by upstream’s names', async () => {
  const figures = () => server.services.admissionMetrics.families.map((family) => family.text()).join('');
  const of = (policyName: string, binding: string) => `policy="${policyName}",policy_binding="${binding}"`;
  await make(VALIDATING, 'counted', {
    failurePolicy: 'Ignore',
    matchConstraints: rule(CONFIGMAPS),
    validations: [{ expression: 'object.data.a == "1"' }, { expression: 'object.metadata.name != "no"' }],
  });
  await make(VALIDATING_BINDING, 'counted-b', { policyName: 'counted', validationActions: ['Warn', 'Audit'] });
  await mutating('counted-m', {
    mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{data: {"b": "2"}}' } }],
  });
  expect(await create(CONFIGMAPS, configMap('no', { data: { a: '1' } }))).toBe('created');
  expect(await create(CONFIGMAPS, configMap('x', { data: { c: '1' } }))).toBe('created');
  const text = figures();
  for (const action of ['warn', 'audit', 'allow'])
    expect(text).toContain(
      `apiserver_validating_admission_policy_check_total{enforcement_action="${action}",error_type="internal_error",${of('counted', 'counted-b')}} 1`,
    );
  expect(text).toContain(`apiserver_mutating_admission_policy_check_total{error_type="no_error",${of('counted-m', 'counted-m')}} 2`);
  expect(text).toMatch(
    /apiserver_admission_controller_admission_duration_seconds_count\{name="ValidatingAdmissionPolicy",operation="CREATE",rejected="false",type="validate"\} \d+/,
  );
});
