import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { type GroupVersionResource, RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { BUILTIN_RESOURCES } from "../builtin-resources.ts";
import { ClusterStore } from "../cluster-store.ts";

const resource = (kind: string): GroupVersionResource =>
  BUILTIN_RESOURCES.find((info) => info.kind === kind)!;

/** The texts of what a dry run finds, without the part that names the object. */
async function problemsOf(at: GroupVersionResource, object: object): Promise<string> {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "here" } });
  const full = { metadata: { name: "x", namespace: "here" }, ...object } as KubernetesObject;
  try {
    await store.create(at, full, { dryRun: true });
    return "";
  } catch (error) {
    if (!isStatus(error, "Invalid")) throw error;
    return error.message.replace(/^.*? is invalid: /, "").replace(/^\[([\s\S]*)\]$/, "$1");
  }
}

const LABEL =
  "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const NAME = `name part must consist of ${LABEL} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`;
const DNS_LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an " +
  "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const PERCENT =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for " +
  "validation is '[0-9]+%')";

test("containers: names, ports, variables, probes and hooks", async () => {
  const cases: [container: object, problem: string][] = [
    [{ name: "x.y" }, 'name: Invalid value: "x.y": must not contain dots'],
    [
      { ports: [{ containerPort: 5, name: "9" }] },
      'ports[0].name: Invalid value: "9": must contain at least one letter (a-z)',
    ],
    [
      { ports: [{ containerPort: 5, hostPort: 65536 }] },
      "ports[0].hostPort: Invalid value: 65536: must be between 1 and 65535, inclusive",
    ],
    [
      { env: [{ name: "P=Q" }] },
      "env[0].name: Invalid value: \"P=Q\": a valid environment variable name must consist only of printable ASCII characters other than '='",
    ],
    [
      { env: [{ name: "P", valueFrom: { fieldRef: { fieldPath: "spec.volumes" } } }] },
      'env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.volumes": error converting fieldPath: field label not supported: spec.volumes',
    ],
    [
      { env: [{ name: "P", valueFrom: {} }] },
      'env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    ],
    [
      { livenessProbe: { tcpSocket: { port: 1 }, successThreshold: 3 } },
      "livenessProbe.successThreshold: Invalid value: 3: must be 1",
    ],
    [
      { readinessProbe: { httpGet: { port: "Not_ok" } } },
      'readinessProbe.httpGet.port: Invalid value: "Not_ok": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    ],
    [
      { lifecycle: { preStop: { sleep: { seconds: 99 } } } },
      "lifecycle.preStop.sleep: Invalid value: 99: must be non-negative and less than terminationGracePeriodSeconds (30)",
    ],
    [
      { resources: { requests: { "gpu.example/one": "1" } } },
      "resources.limits: Required value: Limit must be set for non overcommitable resources",
    ],
    [
      { securityContext: { runAsUser: -7 } },
      "securityContext.runAsUser: Invalid value: -7: must be between 0 and 2147483647, inclusive",
    ],
  ];
  for (const [more, problem] of cases) {
    const found = await problemsOf(RESOURCES.pods, {
      spec: { containers: [{ name: "c", image: "i", ...more }] },
    });
    assert.equal(found, `spec.containers[0].${problem}`);
  }
});

test("pods: where they may run, what they mount, what they are called", async () => {
  const cases: [spec: object, problem: string][] = [
    [
      { tolerations: [{ key: "k", operator: "Exists", value: "v" }] },
      "tolerations[0].operator: Invalid value: \"v\": value must be empty when `operator` is 'Exists'",
    ],
    [{ tolerations: [{ key: "no key" }] }, `tolerations[0].key: Invalid value: "no key": ${NAME}`],
    [
      {
        affinity: {
          nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, preference: {} }] },
        },
      },
      "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100",
    ],
    [
      { topologySpreadConstraints: [{ maxSkew: 2, topologyKey: "zone", whenUnsatisfiable: "Perhaps" }] },
      'topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Perhaps": supported values: "DoNotSchedule", "ScheduleAnyway"',
    ],
    [
      { volumes: [{ name: "v", hostPath: { path: "/a/../b" } }] },
      "volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
    ],
    [
      { volumes: [{ name: "v", secret: { secretName: "s", defaultMode: 512 } }] },
      "volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive",
    ],
    [{ hostname: "Upper" }, `hostname: Invalid value: "Upper": ${DNS_LABEL}`],
    [
      { activeDeadlineSeconds: 0 },
      "activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
    ],
    [{ dnsPolicy: "None" }, "dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
  ];
  for (const [more, problem] of cases) {
    const found = await problemsOf(RESOURCES.pods, {
      spec: { containers: [{ name: "c", image: "i" }], ...more },
    });
    assert.equal(found, `spec.${problem}`);
  }
});

test("other kinds: the first thing that is wrong", async () => {
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
  const workload = (more: object) => ({ spec: { selector: { matchLabels: { a: "b" } }, template, ...more } });
  const once = { spec: { template: { spec: { ...template.spec, restartPolicy: "Never" } } } };
  const rbac = "rbac.authorization.k8s.io";
  const cases: [kind: string, object: object, problem: string][] = [
    [
      "Deployment",
      workload({ strategy: { rollingUpdate: { maxSurge: "two" } } }),
      `spec.strategy.rollingUpdate.maxSurge: Invalid value: "two": ${PERCENT}`,
    ],
    [
      "Deployment",
      workload({ progressDeadlineSeconds: 9, minReadySeconds: 9 }),
      "spec.progressDeadlineSeconds: Invalid value: 9: must be greater than minReadySeconds",
    ],
    [
      "StatefulSet",
      workload({ updateStrategy: { type: "OnDelete", rollingUpdate: { partition: 1 } } }),
      'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy \'RollingUpdate\'',
    ],
    [
      "StatefulSet",
      workload({ serviceName: "no.dots" }),
      `spec.serviceName: Invalid value: "no.dots": must not contain dots`,
    ],
    [
      "DaemonSet",
      workload({ updateStrategy: { rollingUpdate: { maxUnavailable: "0%" } } }),
      "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0",
    ],
    [
      "Job",
      { spec: { ...once.spec, podReplacementPolicy: "Soon" } },
      'spec.podReplacementPolicy: Unsupported value: "Soon": supported values: "Failed", "TerminatingOrFailed"',
    ],
    [
      "CronJob",
      { spec: { schedule: "* * *", jobTemplate: once } },
      'spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]',
    ],
    [
      "CronJob",
      { spec: { schedule: "0 0 * * *", timeZone: "Moon/Sea", jobTemplate: once } },
      'spec.timeZone: Invalid value: "Moon/Sea": unknown time zone Moon/Sea',
    ],
    [
      "Service",
      { spec: { type: "NodePort", clusterIP: "None", ports: [{ port: 1 }] } },
      "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
    ],
    [
      "Service",
      { spec: { ports: [{ port: 1, nodePort: 31000 }] } },
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ],
    [
      "ConfigMap",
      { data: { k: "1" }, binaryData: { k: "MQ==" } },
      'data[k]: Invalid value: "k": duplicate of key present in binaryData',
    ],
    ["Secret", { type: "kubernetes.io/tls", data: { "tls.crt": "" } }, "data[tls.key]: Required value"],
    [
      "PersistentVolumeClaim",
      { spec: { accessModes: ["ReadWriteOnce"] } },
      "spec.resources[storage]: Required value",
    ],
    [
      "PodDisruptionBudget",
      { spec: { minAvailable: "120%", selector: {} } },
      'spec.minAvailable: Invalid value: "120%": must not be greater than 100%',
    ],
    [
      "Role",
      { rules: [{ verbs: ["get"], apiGroups: [""] }] },
      "rules[0].resources: Required value: resource rules must supply at least one resource",
    ],
    [
      "RoleBinding",
      { roleRef: { apiGroup: rbac, kind: "Role", name: "r" }, subjects: [{ kind: "Robot", name: "r" }] },
      'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    ],
    [
      "ResourceQuota",
      { spec: { hard: { "count/jobs.batch": "1.5" } } },
      'spec.hard[count/jobs.batch]: Invalid value: "1500m": must be an integer',
    ],
    [
      "LimitRange",
      { spec: { limits: [{ type: "Pod", min: { cpu: "2" }, max: { cpu: "1" } }] } },
      'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
    ],
    [
      "Ingress",
      { spec: {} },
      "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified",
    ],
    [
      "NetworkPolicy",
      { spec: { podSelector: {}, ingress: [{ from: [{}] }] } },
      "spec.ingress[0].from[0]: Required value: must specify a peer",
    ],
    [
      "PriorityClass",
      { value: 1_000_000_001 },
      "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
    ],
    ["StorageClass", {}, "provisioner: Required value"],
    [
      "Lease",
      { spec: { leaseTransitions: -2 } },
      "spec.leaseTransitions: Invalid value: -2: must be greater than or equal to 0",
    ],
    [
      "ConfigMap",
      { metadata: { name: "x", namespace: "here", finalizers: ["mine"] } },
      'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    ],
    [
      "ConfigMap",
      {
        metadata: {
          name: "x",
          namespace: "here",
          ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p" }],
        },
      },
      'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    ],
  ];
  for (const [kind, object, problem] of cases)
    assert.equal(await problemsOf(resource(kind), object), problem, kind);
});

test("HorizontalPodAutoscaler: targets and behavior", async () => {
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "d" };
  const external = (target: object) => ({ type: "External", external: { metric: { name: "m" }, target } });
  const cases: [spec: object, problem: string][] = [
    [
      { metrics: [{ type: "Pods" }] },
      "metrics[0].pods: Required value: must populate information for the given metric source",
    ],
    [
      { metrics: [external({ type: "Value", value: "0" })] },
      'metrics[0].external.target.value: Invalid value: "0": must be positive',
    ],
    [
      { metrics: [external({ type: "Value" })] },
      "metrics[0].external.target.averageValue: Required value: must set either a target value for metric or a per-pod target",
    ],
    [
      { behavior: { scaleDown: { stabilizationWindowSeconds: 3601 } } },
      "behavior.scaleDown.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
    ],
    [
      { behavior: { scaleUp: { policies: [{ type: "Pods", value: 1, periodSeconds: 1801 }] } } },
      "behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
    ],
  ];
  for (const [more, problem] of cases) {
    const found = await problemsOf(resource("HorizontalPodAutoscaler"), {
      spec: { scaleTargetRef, maxReplicas: 2, ...more },
    });
    assert.equal(found, `spec.${problem}`);
  }
});
