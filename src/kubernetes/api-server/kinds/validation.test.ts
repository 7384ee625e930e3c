import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { type GroupVersionResource, RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { ClusterStore } from "../cluster-store.ts";

async function newStore(): Promise<ClusterStore> {
  const addresses = {
    isServiceAddress: () => true,
    serviceAddress: (index: number) => (index < 2 ? `127.1.0.${index}` : undefined),
  };
  const store = new ClusterStore({
    clock: new VirtualClock(),
    random: seededRandom(1),
    serviceAddresses: addresses,
  });
  await store.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  return store;
}

const META = { name: "a", namespace: "default" };
const LABELS = { app: "a" };

// biome-ignore lint/suspicious/noExplicitAny: objects with something wrong in them
const pod = (spec: any): KubernetesObject => ({ metadata: META, spec });
const container = (more: object = {}) => ({ name: "c", image: "i", ...more });

// biome-ignore lint/suspicious/noExplicitAny: as above
function workload(spec: any = {}, podSpec: object = {}): KubernetesObject {
  const template = { metadata: { labels: LABELS }, spec: { containers: [container()], ...podSpec } };
  return { metadata: META, spec: { selector: { matchLabels: LABELS }, template, ...spec } };
}

test("objects that Kubernetes refuses are refused, with its words", async () => {
  const cases: [resource: GroupVersionResource, object: KubernetesObject, problem: string][] = [
    [RESOURCES.pods, pod({}), "spec.containers: Required value"],
    [RESOURCES.pods, pod({ containers: [] }), "spec.containers: Required value"],
    [RESOURCES.pods, pod({ containers: [{ name: "c" }] }), "spec.containers[0].image: Required value"],
    [RESOURCES.pods, pod({ containers: [{ image: "i" }] }), "spec.containers[0].name: Required value"],
    [
      RESOURCES.pods,
      pod({ containers: [container(), container()] }),
      'spec.containers[1].name: Duplicate value: "c"',
    ],
    [
      RESOURCES.pods,
      pod({ containers: [container({ ports: [{ containerPort: 70000 }] })] }),
      "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
    ],
    [
      RESOURCES.pods,
      pod({ containers: [container({ imagePullPolicy: "Sometimes" })] }),
      'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
    ],
    [
      RESOURCES.pods,
      pod({ containers: [container({ volumeMounts: [{ name: "v", mountPath: "/x" }] })] }),
      'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ],
    [
      RESOURCES.pods,
      pod({ containers: [container({ resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } })] }),
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
    [
      RESOURCES.pods,
      pod({ restartPolicy: "Maybe", containers: [container()] }),
      'spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
    ],
    [
      RESOURCES.pods,
      pod({ containers: [container({ readinessProbe: { periodSeconds: 1 } })] }),
      "spec.containers[0].readinessProbe: Required value: must specify a handler type",
    ],
    [
      RESOURCES.deployments,
      workload({ selector: undefined }),
      '[spec.selector: Required value, spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`]',
    ],
    [
      RESOURCES.deployments,
      workload({ selector: { matchLabels: { app: "b" } } }),
      'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    ],
    [
      RESOURCES.deployments,
      workload({}, { restartPolicy: "Never" }),
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
    [
      RESOURCES.deployments,
      workload({ strategy: { type: "Blue" } }),
      'spec.strategy: Unsupported value: {"Type":"Blue","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
    ],
    [
      RESOURCES.statefulSets,
      workload({ podManagementPolicy: "Random" }),
      "spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'",
    ],
    [
      RESOURCES.jobs,
      workload({ selector: undefined }, { restartPolicy: "Always" }),
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
    [RESOURCES.services, { metadata: META, spec: {} }, "spec.ports: Required value"],
    [
      RESOURCES.services,
      { metadata: META, spec: { ports: [{ port: 80 }, { port: 81, name: "b" }] } },
      "spec.ports[0].name: Required value",
    ],
    [
      RESOURCES.services,
      { metadata: META, spec: { type: "Door", ports: [{ port: 80 }] } },
      'spec.type: Unsupported value: "Door": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
    [
      RESOURCES.horizontalPodAutoscalers,
      {
        metadata: META,
        spec: {
          minReplicas: 3,
          maxReplicas: 2,
          scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "a" },
        },
      },
      "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`",
    ],
    [
      RESOURCES.configMaps,
      { metadata: META, data: { "a b": "1" } } as KubernetesObject,
      "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' " +
        "(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ],
    [
      RESOURCES.configMaps,
      { metadata: { ...META, labels: { a: "-x" } } },
      'metadata.labels: Invalid value: "-x": a valid label must be an empty string or consist of alphanumeric characters, ' +
        "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or " +
        "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
  ];
  for (const [resource, object, problem] of cases) {
    const store = await newStore();
    await assert.rejects(store.create(resource, object), (error) => {
      assert.ok(isStatus(error, "Invalid"), String(error));
      assert.equal(error.message.replace(/^.*? is invalid: /, ""), problem);
      return true;
    });
  }
});

test("what may not change does not", async () => {
  const store = await newStore();
  const change = (resource: GroupVersionResource, body: object) =>
    store.patch<KubernetesObject>(resource, META, { type: "merge", body });
  await store.create(RESOURCES.statefulSets, workload({ serviceName: "a" }));
  await assert.rejects(
    change(RESOURCES.statefulSets, { spec: { serviceName: "b" } }),
    /updates to statefulset spec for fields other than/,
  );
  assert.equal((await change(RESOURCES.statefulSets, { spec: { replicas: 4 } })).metadata.generation, 2);
  await store.create(RESOURCES.deployments, workload());
  const moved = {
    spec: { selector: { matchLabels: { app: "b" } }, template: { metadata: { labels: { app: "b" } } } },
  };
  await assert.rejects(
    change(RESOURCES.deployments, moved),
    /spec\.selector: Invalid value: \{"matchLabels":\{"app":"b"\}\}: field is immutable/,
  );
  await store.create(RESOURCES.pods, pod({ containers: [container()] }));
  await assert.rejects(
    change(RESOURCES.pods, { spec: { hostNetwork: true } }),
    /pod updates may not change fields other than/,
  );
  await store.create(RESOURCES.services, { metadata: META, spec: { ports: [{ port: 80 }] } });
  await assert.rejects(
    change(RESOURCES.services, { spec: { clusterIP: "127.1.0.9" } }),
    /may not change once set/,
  );
  await assert.rejects(
    change(RESOURCES.services, { metadata: { name: "b" } }),
    /name of the object \(b\) does not match the name on the URL \(a\)/,
  );
});

test("Services get addresses of the range until it is used up, and give them back", async () => {
  const store = await newStore();
  const make = (name: string, spec: object = {}) =>
    store.create<KubernetesObject>(RESOURCES.services, {
      metadata: { ...META, name },
      spec: { ports: [{ port: 80 }], ...spec },
    });
  assert.equal((await make("a")).spec.clusterIP, "127.1.0.0");
  assert.equal((await make("none", { clusterIP: "None" })).spec.clusterIP, "None");
  assert.equal((await make("b")).spec.clusterIP, "127.1.0.1");
  await store.delete(RESOURCES.services, META);
  assert.equal((await make("c")).spec.clusterIP, "127.1.0.0");
});

test("defaults are filled in once, and quantities are canonical", async () => {
  const store = await newStore();
  const made = await store.create<KubernetesObject>(
    RESOURCES.pods,
    pod({
      containers: [container({ image: "nginx", resources: { limits: { cpu: "0.5", memory: "1024Mi" } } })],
      volumes: [{ name: "v" }],
    }),
  );
  const [only] = made.spec.containers;
  assert.equal(only.imagePullPolicy, "Always");
  assert.deepEqual(only.resources, {
    limits: { cpu: "500m", memory: "1Gi" },
    requests: { cpu: "500m", memory: "1Gi" },
  });
  assert.deepEqual(made.spec.volumes[0], { name: "v", emptyDir: {} });
  assert.deepEqual(made.status, { phase: "Pending", qosClass: "Guaranteed" });
  const again = await store.replace(RESOURCES.pods, made);
  assert.equal(again.metadata.resourceVersion, made.metadata.resourceVersion);
});

test("an API service is named after its version and group, and has its priorities", async () => {
  const store = await newStore();
  const make = (name: string, spec: object) =>
    store.create(RESOURCES.apiServices, { metadata: { name }, spec } as KubernetesObject);
  const spec = { group: "a.b", version: "v1", groupPriorityMinimum: 100, versionPriority: 10 };
  const start = 'APIService.apiregistration.k8s.io "v1.a.b" is invalid: ';
  await assert.rejects(make("v1.a.b", { ...spec, groupPriorityMinimum: 30_000, versionPriority: 0 }), {
    message:
      `${start}[spec.groupPriorityMinimum: Invalid value: 30000: must be positive and less than 20000, ` +
      "spec.versionPriority: Invalid value: 0: must be positive and less than 1000]",
  });
  await assert.rejects(make("v1.a.b", { ...spec, group: "other.b" }), {
    message: `${start}metadata.name: Invalid value: "v1.a.b": must be \`spec.version+"."+spec.group\`: "v1.other.b"`,
  });
  await make("v1.a.b", spec);
});
