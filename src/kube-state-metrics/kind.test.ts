import assert from "node:assert/strict";
import { test } from "node:test";
import { familyLines } from "./family.ts";
import { checkResources, DEFAULT_RESOURCES, KINDS } from "./kind.ts";

const NAMES = { name: "a", namespace: "n", uid: "u" };
const AT = "2026-01-01T00:00:00Z";
const SECONDS = "1.7672256e+09";

/** A family of a kind, an object, and its samples without the labels that every object of the kind has. */
const CASES: [resource: string, family: string, object: object, samples: string[]][] = [
  [
    "configmaps",
    "kube_configmap_metadata_resource_version",
    { metadata: { resourceVersion: "12345678" } },
    ["1.2345678e+07"],
  ],
  [
    "cronjobs",
    "kube_cronjob_next_schedule_time",
    { spec: { schedule: "0 0 * * *" }, status: { lastScheduleTime: "2025-12-31T00:00:00Z" } },
    [SECONDS],
  ],
  [
    "cronjobs",
    "kube_cronjob_next_schedule_time",
    { spec: { schedule: "0 0 * * *", suspend: true }, status: { lastScheduleTime: AT } },
    [],
  ],
  ["cronjobs", "kube_cronjob_schedule_invalid", { spec: { schedule: "*/60 * * * *" } }, ["1"]],
  [
    "cronjobs",
    "kube_cronjob_schedule_invalid",
    { spec: { schedule: "@daily", timeZone: "Mars/Olympus" } },
    ["1"],
  ],
  [
    "deployments",
    "kube_deployment_spec_strategy_rollingupdate_max_surge",
    { spec: { replicas: 5, strategy: { rollingUpdate: { maxSurge: "25%" } } } },
    ["2"],
  ],
  [
    "deployments",
    "kube_deployment_spec_strategy_rollingupdate_max_unavailable",
    { spec: { replicas: 5, strategy: { rollingUpdate: { maxUnavailable: "25%" } } } },
    ["1"],
  ],
  [
    "deployments",
    "kube_deployment_spec_strategy_rollingupdate_max_unavailable",
    { spec: { replicas: 2, strategy: { rollingUpdate: { maxUnavailable: 7 } } } },
    ["7"],
  ],
  ["deployments", "kube_deployment_spec_replicas", { spec: {} }, []],
  [
    "horizontalpodautoscalers",
    "kube_horizontalpodautoscaler_info",
    { spec: { scaleTargetRef: { kind: "Deployment", name: "d" } } },
    ['scaletargetref_kind="Deployment",scaletargetref_name="d"} 1'],
  ],
  ["jobs", "kube_job_status_failed", { status: {} }, ["0"]],
  ["jobs", "kube_job_status_failed", { status: { failed: 3 } }, ['reason=""} 3']],
  [
    "jobs",
    "kube_job_status_failed",
    { status: { failed: 3, conditions: [{ type: "Failed", status: "True", reason: "Evicted" }] } },
    ['reason="BackoffLimitExceeded"} 0', 'reason="DeadlineExceeded"} 0', 'reason="Evicted"} 1'],
  ],
  [
    "namespaces",
    "kube_namespace_status_phase",
    { status: { phase: "Active" } },
    ['phase="Active"} 1', 'phase="Terminating"} 0'],
  ],
  ["networkpolicies", "kube_networkpolicy_created", {}, ["-6.21355968e+10"]],
  [
    "nodes",
    "kube_node_status_capacity",
    {
      status: { capacity: { cpu: "70m", memory: "1500m", "example.org/x": "2", "kubernetes.io/batch": "3" } },
    },
    [
      'resource="cpu",unit="core"} 0.07',
      'resource="memory",unit="byte"} 1.5',
      'resource="example_org_x",unit="integer"} 2',
    ],
  ],
  [
    "persistentvolumeclaims",
    "kube_persistentvolumeclaim_info",
    {
      metadata: { annotations: { "volume.beta.kubernetes.io/storage-class": "old" } },
      spec: { storageClassName: "new" },
    },
    ['storageclass="old",volumename="",volumemode=""} 1'],
  ],
  [
    "pods",
    "kube_pod_completion_time",
    {
      status: {
        containerStatuses: [
          { name: "c", state: { terminated: { finishedAt: AT } } },
          { name: "d", state: { running: {} } },
        ],
      },
    },
    [SECONDS],
  ],
  [
    "pods",
    "kube_pod_container_resource_requests",
    {
      spec: {
        containers: [{ name: "c", resources: { requests: { memory: "1500m", pods: "3", cpu: "1n" } } }],
      },
    },
    [
      'container="c",node="",resource="memory",unit="byte"} 2',
      'container="c",node="",resource="cpu",unit="core"} 0.001',
    ],
  ],
  [
    "pods",
    "kube_pod_container_state_started",
    { status: { containerStatuses: [{ name: "c", state: { running: {} } }] } },
    ['container="c"} -6.21355968e+10'],
  ],
  [
    "pods",
    "kube_pod_ips",
    { status: { podIPs: [{ ip: "::ffff:10.0.0.1" }, { ip: "fd00::1" }, { ip: "none" }] } },
    ['ip="::ffff:10.0.0.1",ip_family="4"} 1', 'ip="fd00::1",ip_family="6"} 1'],
  ],
  ["pods", "kube_pod_status_phase", { status: {} }, []],
  [
    "pods",
    "kube_pod_status_reason",
    { status: { reason: "Tired", conditions: [{ type: "X", reason: "SchedulingGated" }] } },
    ['reason="SchedulingGated"} 1', 'reason="Other"} 1'],
  ],
  [
    "pods",
    "kube_pod_status_unschedulable",
    { status: { conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulerError" }] } },
    ["1"],
  ],
  [
    "pods",
    "kube_pod_tolerations",
    { spec: { tolerations: [{ operator: "Exists" }, { operator: "Exists" }] } },
    ['key="",operator="Exists",value="",effect="",toleration_seconds=""} 1'],
  ],
  [
    "resourcequotas",
    "kube_resourcequota",
    { status: { hard: { pods: "4" }, used: { pods: "1" } } },
    ['resource="pods",type="hard"} 4', 'resource="pods",type="used"} 1'],
  ],
  [
    "services",
    "kube_service_status_load_balancer_ingress",
    { status: { loadBalancer: { ingress: [{ hostname: "h" }] } } },
    ['ip="",hostname="h"} 1'],
  ],
  ["statefulsets", "kube_statefulset_ordinals_start", { spec: { ordinals: {} } }, ["0"]],
];

test("each family says what upstream's says", () => {
  for (const [resource, name, object, samples] of CASES) {
    const kind = KINDS.get(resource)!;
    const family = kind.families.find((candidate) => candidate.name === name)!;
    const whole = {
      spec: {},
      status: {},
      ...object,
      metadata: { ...NAMES, ...("metadata" in object ? (object.metadata as object) : {}) },
    };
    const shared = kind
      .shared(whole)
      .map(([label, value]) => `${label}="${value}"`)
      .join(",");
    const expected = samples.map((text) =>
      text.includes("}") ? `${name}{${shared},${text}\n` : `${name}{${shared}} ${text}\n`,
    );
    assert.equal(
      familyLines(family, kind.shared(whole), whole, {}),
      expected.join(""),
      JSON.stringify(object),
    );
  }
});

test("no family is there twice, and every name begins as its kind", () => {
  const names = [...KINDS.values()].flatMap(({ families }) => families.map(({ name }) => name));
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^kube_[a-z]/);
});

test("checkResources() lists what there is", () => {
  checkResources(DEFAULT_RESOURCES);
  assert.throws(
    () => checkResources(["pods", "gadgets"]),
    /^Error: resource gadgets does not exist\. Available resources: certificatesigningrequests,clusterrolebindings,/,
  );
});
