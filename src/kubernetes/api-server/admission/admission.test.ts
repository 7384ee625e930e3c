/** Refusals and warnings in kube-apiserver's words: each text was taken down from 1.35 answering the same request. */
import assert from "node:assert/strict";
import test from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { ClusterStore } from "../cluster-store.ts";
import type { User } from "../user.ts";

const LIMITS = { group: "", version: "v1", resource: "limitranges" };
const META = { namespace: "t", name: "x" };

async function newStore(): Promise<ClusterStore> {
  const store = new ClusterStore({ clock: systemClock, random: seededRandom(1) });
  for (const name of ["t", "default"]) await store.create(RESOURCES.namespaces, object({}, { name }));
  return store;
}

const object = (rest: object, metadata: object = META) =>
  ({ metadata, ...rest }) as unknown as KubernetesObject;

type Resources = { requests?: Record<string, string>; limits?: Record<string, string> };

const pod = (resources: Resources = {}, spec: object = {}, metadata: object = META) =>
  object({ spec: { containers: [{ name: "c", image: "i:1", resources }], ...spec } }, metadata);

async function refusal(written: Promise<unknown>): Promise<string> {
  try {
    await written;
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

test("a pod gets its account's token where it says nothing else, and an account must be there", async () => {
  const store = await newStore();
  const made = await store.create<KubernetesObject>(RESOURCES.pods, pod());
  const { name } = made.spec.volumes[0];
  assert.match(name, /^kube-api-access-[a-z0-9]{5}$/);
  const mount = { name, readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" };
  assert.deepEqual(made.spec.containers[0].volumeMounts, [mount]);
  assert.equal(made.spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds, 3607);
  const without = pod({}, { automountServiceAccountToken: false }, { ...META, name: "y" });
  assert.equal((await store.create<KubernetesObject>(RESOURCES.pods, without)).spec.volumes, undefined);
  const account = object({ automountServiceAccountToken: false, imagePullSecrets: [{ name: "s" }] });
  const other = pod({}, { serviceAccountName: "x" }, { ...META, name: "z" });
  assert.equal(
    await refusal(store.create(RESOURCES.pods, other)),
    'pods "z" is forbidden: error looking up service account t/x: serviceaccount "x" not found',
  );
  await store.create(RESOURCES.serviceAccounts, account);
  const { spec } = await store.create<KubernetesObject>(RESOURCES.pods, other);
  assert.deepEqual([spec.volumes, spec.imagePullSecrets], [undefined, [{ name: "s" }]]);
});

test("a LimitRange completes containers and bounds them", async () => {
  const store = await newStore();
  const limit = {
    type: "Container",
    min: { cpu: "100m", memory: "64Mi" },
    max: { cpu: "1", memory: "1Gi" },
    default: { cpu: "500m", memory: "256Mi" },
    defaultRequest: { cpu: "200m" },
    maxLimitRequestRatio: { cpu: "4" },
  };
  await store.create(LIMITS, object({ spec: { limits: [limit] } }));
  const made = await store.create<KubernetesObject>(RESOURCES.pods, pod());
  assert.deepEqual(made.spec.containers[0].resources, {
    limits: { cpu: "500m", memory: "256Mi" },
    requests: { cpu: "200m", memory: "256Mi" },
  });
  assert.equal(
    made.metadata.annotations?.["kubernetes.io/limit-ranger"],
    "LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c",
  );
  const refused = (resources: Resources) =>
    refusal(store.create(RESOURCES.pods, pod(resources), { dryRun: true }));
  const start = 'pods "x" is forbidden: ';
  assert.equal(
    await refused({ requests: { cpu: "50m" } }),
    `${start}[minimum cpu usage per Container is 100m, but request is 50m, ` +
      "cpu max limit to request ratio per Container is 4, but provided ratio is 10.000000]",
  );
  assert.equal(
    await refused({ requests: { cpu: "2" }, limits: { cpu: "2" } }),
    `${start}maximum cpu usage per Container is 1, but limit is 2`,
  );
});

test("a LimitRange bounds whole pods and claims", async () => {
  const store = await newStore();
  const limits = [
    { type: "Pod", max: { cpu: "1" } },
    { type: "PersistentVolumeClaim", min: { storage: "1Gi" }, max: { storage: "2Gi" } },
  ];
  await store.create(LIMITS, object({ spec: { limits } }));
  assert.equal(
    await refusal(store.create(RESOURCES.pods, pod())),
    'pods "x" is forbidden: maximum cpu usage per Pod is 1.  No limit is specified',
  );
  const claim = (storage: string) =>
    object({ spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } } });
  assert.equal(
    await refusal(store.create(RESOURCES.persistentVolumeClaims, claim("3Gi"))),
    'persistentvolumeclaims "x" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi',
  );
});

const quota = (hard: Record<string, string>, spec: object = {}) => object({ spec: { hard, ...spec } });

test("a ResourceQuota refuses what goes beyond it and what does not say what it counts", async () => {
  const store = await newStore();
  await store.create(
    RESOURCES.resourceQuotas,
    quota({ pods: "2", "requests.cpu": "1", "limits.memory": "1Gi" }),
  );
  const make = (name: string, resources: Resources, dryRun = false) =>
    store.create(RESOURCES.pods, pod(resources, {}, { ...META, name }), { dryRun });
  assert.equal(
    await refusal(make("a", {})),
    'pods "a" is forbidden: failed quota: x: must specify limits.memory for: c; requests.cpu for: c',
  );
  const half = { requests: { cpu: "500m" }, limits: { memory: "512Mi" } };
  await make("a", half);
  assert.equal(
    await refusal(make("b", { requests: { cpu: "600m" }, limits: { memory: "600Mi" } })),
    'pods "b" is forbidden: exceeded quota: x, requested: limits.memory=600Mi,requests.cpu=600m, ' +
      "used: limits.memory=512Mi,requests.cpu=500m, limited: limits.memory=1Gi,requests.cpu=1",
  );
  await make("b", half, true);
  await make("b", half);
  const { status } = await store.get<KubernetesObject>(RESOURCES.resourceQuotas, META);
  assert.deepEqual(status?.used, { pods: "2", "requests.cpu": "1", "limits.memory": "1Gi" });
  assert.equal(
    await refusal(make("c", { requests: { cpu: "0" }, limits: { memory: "0" } })),
    'pods "c" is forbidden: exceeded quota: x, requested: pods=1, used: pods=2, limited: pods=2',
  );
});

test("quotas count kinds, node ports and storage, and only the pods of their scopes", async () => {
  const store = await newStore();
  const hard = { "count/configmaps": "1", "services.nodeports": "1", "requests.storage": "2Gi" };
  await store.create(RESOURCES.resourceQuotas, quota(hard));
  await store.create(RESOURCES.configMaps, object({}));
  assert.equal(
    await refusal(store.create(RESOURCES.configMaps, object({}, { ...META, name: "y" }))),
    'configmaps "y" is forbidden: exceeded quota: x, requested: count/configmaps=1, used: count/configmaps=1, ' +
      "limited: count/configmaps=1",
  );
  const service = (type: string, ports: number[]) =>
    object({ spec: { type, ports: ports.map((port) => ({ port, name: `p${port}` })) } });
  assert.match(
    await refusal(store.create(RESOURCES.services, service("NodePort", [1, 2]))),
    /requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1$/,
  );
  const plain = await store.create<KubernetesObject>(RESOURCES.services, service("ClusterIP", [1, 2]));
  const exposed = { ...plain, spec: { ...plain.spec, type: "NodePort" } };
  assert.match(await refusal(store.replace(RESOURCES.services, exposed)), /requested: services.nodeports=2/);
  await store.delete(RESOURCES.resourceQuotas, META);
  await store.create(RESOURCES.resourceQuotas, quota({ pods: "0" }, { scopes: ["BestEffort"] }));
  assert.match(
    await refusal(store.create(RESOURCES.pods, pod())),
    /requested: pods=1, used: pods=0, limited: pods=0$/,
  );
  await store.create(RESOURCES.pods, pod({ requests: { cpu: "1" } }));
});

const EVE: User = { name: "eve", groups: ["devs", "system:authenticated"] };
const RBAC = "rbac.authorization.k8s.io";

test("nobody grants what they do not have, unless they may escalate or bind", async () => {
  const store = await newStore();
  const rules = [
    { apiGroups: [RBAC], resources: ["roles", "rolebindings"], verbs: ["create", "update"] },
    { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] },
  ];
  await store.create(RESOURCES.roles, object({ rules }));
  const roleRef = (kind: string, name: string) => ({ apiGroup: RBAC, kind, name });
  const subjects = [{ kind: "User", apiGroup: RBAC, name: "eve" }];
  await store.create(RESOURCES.roleBindings, object({ roleRef: roleRef("Role", "x"), subjects }));
  const more = object(
    {
      rules: [
        { apiGroups: ["", "apps"], resources: ["pods"], verbs: ["get", "delete", "watch"] },
        { apiGroups: [""], resources: ["secrets"], resourceNames: ["a", "b"], verbs: ["get"] },
      ],
    },
    { ...META, name: "more" },
  );
  assert.equal(
    await refusal(store.create(RESOURCES.roles, more, { user: EVE })),
    'roles.rbac.authorization.k8s.io "more" is forbidden: user "eve" (groups=["devs" "system:authenticated"]) is ' +
      "attempting to grant RBAC permissions not currently held:\n" +
      '{APIGroups:[""], Resources:["pods"], Verbs:["delete" "watch"]}\n' +
      '{APIGroups:[""], Resources:["secrets"], ResourceNames:["a"], Verbs:["get"]}\n' +
      '{APIGroups:[""], Resources:["secrets"], ResourceNames:["b"], Verbs:["get"]}\n' +
      '{APIGroups:["apps"], Resources:["pods"], Verbs:["get" "delete" "watch"]}',
  );
  const bind = (kind: string, name: string) =>
    store.create(
      RESOURCES.roleBindings,
      object({ roleRef: roleRef(kind, name) }, { ...META, name: `b-${name}` }),
      { user: EVE },
    );
  await bind("Role", "x");
  assert.equal(await refusal(bind("ClusterRole", "none")), `rolebindings.${RBAC} "none" not found`);
  await store.create(
    RESOURCES.clusterRoles,
    object({ rules: [{ nonResourceURLs: ["*"], verbs: ["*"] }] }, { name: "all" }),
  );
  assert.match(await refusal(bind("ClusterRole", "all")), /\n\{NonResourceURLs:\["\*"\], Verbs:\["\*"\]\}$/);
  const allowed = [
    ...rules,
    { apiGroups: [RBAC], resources: ["roles"], verbs: ["escalate"] },
    { apiGroups: [RBAC], resources: ["clusterroles"], resourceNames: ["all"], verbs: ["bind"] },
  ];
  await store.patch(RESOURCES.roles, META, { type: "merge", body: { rules: allowed } });
  await store.create(RESOURCES.roles, more, { user: EVE });
  await bind("ClusterRole", "all");
});

test("the namespaces that a cluster needs stay", async () => {
  const store = await newStore();
  assert.equal(
    await refusal(store.delete(RESOURCES.namespaces, { name: "default" })),
    'namespaces "default" is forbidden: this namespace may not be deleted',
  );
});

test("what is legal and most likely wrong is told", async () => {
  const store = await newStore();
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  const env = [
    { name: "A", value: "1" },
    { name: "A", value: "2" },
    { name: "A", value: "$(A)x" },
  ];
  const ports = [
    { containerPort: 80, name: "a" },
    { containerPort: 80, hostPort: 5 },
  ];
  const spec = {
    containers: [
      { name: "c", image: "i:1", env, ports, resources: { limits: { memory: "1500m" } } },
      { name: "d", image: "i:1", ports: [{ containerPort: 81, name: "a" }] },
    ],
    nodeSelector: { "beta.kubernetes.io/os": "linux" },
    terminationGracePeriodSeconds: -1,
  };
  const template = { metadata: { labels: { a: "b" } }, spec };
  const deployment = object(
    { spec: { selector: { matchLabels: { a: "b" } }, template } },
    { ...META, name: "a.b" },
  );
  await store.create(RESOURCES.deployments, deployment, { warn });
  const at = "spec.template.spec";
  assert.deepEqual(warnings, [
    "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is " +
      "recommended: [must not contain dots]",
    `${at}.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead`,
    `${at}.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer`,
    `${at}.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply`,
    `${at}.containers[0].ports[1]: overlapping port definition with ${at}.containers[0].ports[0]`,
    `${at}.containers[1].ports[0]: duplicate port name "a" with ${at}.containers[0].ports[0], services and probes that ` +
      `select ports by name will use ${at}.containers[0].ports[0]`,
    `${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
  ]);
});
