import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { type GroupVersionResource, RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { BUILTIN_RESOURCES } from "../builtin-resources.ts";
import { ClusterStore } from "../cluster-store.ts";

type Case = [kind: string, object: object, problems: string];

/** The causes of a refusal, as kube-apiserver 1.35 lists them for the same object; "" where it is taken. */
async function problemsOf(kind: string, object: object): Promise<string> {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "here" } });
  const at: GroupVersionResource = BUILTIN_RESOURCES.find((info) => info.kind === kind)!;
  const full = { metadata: { name: "x", namespace: "here" }, ...object } as KubernetesObject;
  try {
    await store.create(at, full, { dryRun: true });
    return "";
  } catch (error) {
    if (!isStatus(error, "Invalid")) throw error;
    return error.message.replace(/^.*? is invalid: /, "").replace(/^\[([\s\S]*)\]$/, "$1");
  }
}

async function check(cases: Case[]): Promise<void> {
  for (const [kind, object, problems] of cases) assert.equal(await problemsOf(kind, object), problems, kind);
}

const pod = (spec: object) => ({ spec: { containers: [{ name: "c", image: "i" }], ...spec } });
const container = (extra: object) => pod({ containers: [{ name: "c", image: "i", ...extra }] });

test("pods: profiles, name resolution, ports of the node, keys of labels", () =>
  check([
    [
      "Pod",
      container({ securityContext: { seccompProfile: {} } }),
      "spec.containers[0].securityContext.seccompProfile.type: Required value: type is required when seccompProfile is set",
    ],
    [
      "Pod",
      container({ securityContext: { appArmorProfile: { type: "Localhost" } } }),
      "spec.containers[0].securityContext.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost",
    ],
    [
      "Pod",
      pod({ dnsConfig: { nameservers: ["x"], options: [{}] } }),
      'spec.dnsConfig.nameservers[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), spec.dnsConfig.options[0]: Required value: must not be empty',
    ],
    [
      "Pod",
      pod({
        containers: ["a", "b"].map((name) => ({
          name,
          image: "i",
          ports: [{ containerPort: 1, hostPort: 9 }],
        })),
      }),
      'spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//9"',
    ],
    [
      "Pod",
      container({
        env: [{ name: "A", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "5" } } }],
      }),
      'spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m and 1 are supported with the cpu resource',
    ],
    [
      "Pod",
      pod({
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: "z", whenUnsatisfiable: "DoNotSchedule", matchLabelKeys: ["k"] },
        ],
      }),
      "spec.topologySpreadConstraints[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
    ],
    [
      "Pod",
      pod({
        volumes: [
          { name: "v", csi: {} },
          {
            name: "w",
            projected: {
              sources: [
                { configMap: { name: "a", items: [{ key: "k", path: "p" }] } },
                { secret: { name: "b", items: [{ key: "k", path: "p" }] } },
              ],
            },
          },
        ],
      }),
      'spec.volumes[0].csi.driver: Required value, spec.volumes[1].projected: Invalid value: "b": conflicting duplicate paths',
    ],
    [
      "Pod",
      pod({
        securityContext: {
          sysctls: [
            { name: "a", value: "1" },
            { name: "a", value: "2" },
          ],
        },
      }),
      'spec.securityContext.sysctls[1].name: Duplicate value: "a"',
    ],
  ]));

const job = (spec: object) => ({
  spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } }, ...spec },
});

test("jobs: indexes and policies", () =>
  check([
    [
      "Job",
      job({ maxFailedIndexes: 1, completionMode: "Indexed", completions: 0 }),
      "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified, spec.maxFailedIndexes: Invalid value: 1: must be less than or equal to completions",
    ],
    [
      "Job",
      job({ podFailurePolicy: { rules: [{ action: "X" }] } }),
      'spec.podFailurePolicy.rules[0].action: Unsupported value: "X": supported values: "Count", "FailIndex", "FailJob", "Ignore", spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
    ],
    [
      "Job",
      job({
        podFailurePolicy: {
          rules: [{ action: "Ignore", onExitCodes: { operator: "In", values: [2, 0, 2] } }],
        },
      }),
      "spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator, spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 2, spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [2,0,2]: must be ordered",
    ],
    [
      "Job",
      job({
        completionMode: "Indexed",
        completions: 3,
        successPolicy: { rules: [{ succeededIndexes: "0,2-1", succeededCount: 9 }] },
      }),
      'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0,2-1": error parsing succeededIndexes: non-increasing order, previous: 2, current: 1, spec.successPolicy.rules[0].succeededCount: Invalid value: 9: must be less than or equal to 3 (the number of specified completions), spec.successPolicy.rules[0].succeededCount: Invalid value: 9: must be less than or equal to 0 (the number of indexes in the specified succeededIndexes field)',
    ],
    ["Job", job({ managedBy: "" }), "spec.managedBy: Required value"],
  ]));

const service = (spec: object) => ({ spec: { ports: [{ port: 80 }], ...spec } });

test("services: types, balancers and families", () =>
  check([
    [
      "Service",
      service({ loadBalancerClass: "a", loadBalancerSourceRanges: ["x"] }),
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer', spec.LoadBalancerSourceRanges[0]: Invalid value: \"x\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64), spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    ["Service", service({ ipFamilies: ["IPv4", "IPv4"] }), 'spec.ipFamilies[1]: Duplicate value: "IPv4"'],
    [
      "Service",
      service({
        type: "NodePort",
        ports: [
          { name: "a", port: 1, nodePort: 30001 },
          { name: "b", port: 2, nodePort: 30001 },
        ],
      }),
      "spec.ports[1].nodePort: Duplicate value: 30001",
    ],
    [
      "Service",
      service({ trafficDistribution: "X" }),
      'spec.trafficDistribution: Unsupported value: "X": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
    ],
    [
      "Service",
      service({ healthCheckNodePort: 5, type: "NodePort" }),
      "spec.healthCheckNodePort: Invalid value: 5: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
  ]));

test("networking: peers, blocks, ports, backends and classes", () =>
  check([
    [
      "NetworkPolicy",
      { spec: { ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/16", except: ["10.1.0.0/24"] } }, {}] }] } },
      'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.1.0.0/24": must be a strict subset of `cidr`, spec.ingress[0].from[1]: Required value: must specify a peer',
    ],
    [
      "NetworkPolicy",
      { spec: { egress: [{ ports: [{ port: 80, endPort: 70 }, { endPort: 5 }] }] } },
      "spec.egress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`, spec.egress[0].ports[1].endPort: Invalid value: 5: may not be specified when `port` is not specified",
    ],
    [
      "Ingress",
      { spec: { defaultBackend: { resource: { kind: "a/b" } } } },
      "spec.defaultBackend.resource.kind: Invalid value: \"a/b\": may not contain '/', spec.defaultBackend.resource.name: Required value",
    ],
    [
      "IngressClass",
      { spec: { controller: "a.b/c", parameters: { kind: "K", name: "n", scope: "Namespace" } } },
      "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
    ],
    [
      "EndpointSlice",
      {
        addressType: "IPv4",
        endpoints: [{ addresses: ["10.0.0.1"], hints: { forZones: [{ name: "z" }, { name: "z" }] } }],
      },
      'endpoints[0].hints.forZones[1].name: Duplicate value: "z"',
    ],
    ["EndpointSlice", { addressType: "IPv4", endpoints: [{ addresses: ["127.1.2.3"] }] }, ""],
    [
      "Endpoints",
      { subsets: [{ addresses: [{ ip: "" }], ports: [{ port: 1, protocol: "X" }] }] },
      'subsets[0].addresses[0].ip: Invalid value: "": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), subsets[0].addresses[0].ip: Invalid value: "": must be a valid IP address, subsets[0].ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      "ServiceCIDR",
      { spec: { cidrs: ["10.0.0.0/24", "10.1.0.0/24"] } },
      'spec.cidrs: Invalid value: ["10.0.0.0/24","10.1.0.0/24"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    ],
  ]));

const volume = (spec: object) => ({
  spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], ...spec },
});

test("storage: sources, classes, drivers and attachments", () =>
  check([
    [
      "PersistentVolume",
      volume({ local: { path: "/a" } }),
      "spec.nodeAffinity: Required value: Local volume requires node affinity",
    ],
    [
      "PersistentVolume",
      volume({ csi: { nodePublishSecretRef: { name: "a" } } }),
      "spec.csi.driver: Required value, spec.csi.volumeHandle: Required value, spec.csi.nodePublishSecretRef.namespace: Required value",
    ],
    [
      "PersistentVolumeClaim",
      {
        spec: {
          accessModes: ["ReadWriteOnce"],
          resources: { requests: { storage: "1" } },
          dataSource: { kind: "X", name: "y" },
        },
      },
      "spec.dataSource: Invalid value: \"X\": must be 'PersistentVolumeClaim' when referencing the default apiGroup, spec.dataSourceRef: Invalid value: \"X\": must be 'PersistentVolumeClaim' when referencing the default apiGroup",
    ],
    [
      "StorageClass",
      {
        provisioner: "a/b",
        allowedTopologies: [{ matchLabelExpressions: [{ key: "a", values: ["b", "b"] }] }],
      },
      'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "b"',
    ],
    [
      "CSIDriver",
      { spec: { fsGroupPolicy: "X", tokenRequests: [{ expirationSeconds: 5 }] } },
      'spec.fsGroupPolicy: Unsupported value: "X": supported values: "File", "None", "ReadWriteOnceWithFSType", spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
    ],
    ["CSINode", { spec: { drivers: [{ name: "a.b" }] } }, "spec.drivers[0].nodeID: Required value"],
    [
      "VolumeAttachment",
      { spec: { attacher: "a", nodeName: "n" } },
      "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName",
    ],
    [
      "VolumeAttributesClass",
      {},
      "driverName: Required value, parameters: Required value: must contain at least one key/value pair",
    ],
  ]));

test("limits, quotas, roles, nodes and revisions", () =>
  check([
    [
      "LimitRange",
      { spec: { limits: [{ type: "Pod", max: { bogus: "1" } }, { type: "Pod" }] } },
      'spec.limits[0].max[bogus]: Invalid value: "bogus": must be a standard resource type or fully qualified, spec.limits[0].max[bogus]: Invalid value: "bogus": must be a standard resource for containers, spec.limits[1].type: Duplicate value: "Pod"',
    ],
    [
      "LimitRange",
      {
        spec: {
          limits: [{ type: "Pod", min: { cpu: "1" }, max: { cpu: "2" }, maxLimitRequestRatio: { cpu: "3" } }],
        },
      },
      'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000',
    ],
    [
      "ResourceQuota",
      {
        spec: {
          hard: { pods: "1" },
          scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In" }] },
        },
      },
      "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
    ],
    [
      "ClusterRole",
      { aggregationRule: {} },
      "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
    ],
    [
      "Node",
      { spec: { podCIDR: "x", taints: [{ key: "a" }] } },
      'metadata.taints[0].effect: Required value, spec.podCIDRs[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
    [
      "ControllerRevision",
      { revision: -1 },
      "revision: Invalid value: -1: must be greater than or equal to 0, data: Required value: data is mandatory",
    ],
    [
      "RuntimeClass",
      { handler: "h", overhead: { podFixed: { bogus: "1" } } },
      'overhead.limits[bogus]: Invalid value: "bogus": must be a standard resource type or fully qualified, overhead.limits[bogus]: Invalid value: "bogus": must be a standard resource for containers',
    ],
    [
      "Namespace",
      { spec: { finalizers: ["x"] } },
      'spec.finalizers: Invalid value: "x": name is neither a standard finalizer name nor is it fully qualified',
    ],
  ]));

test("webhooks: names, places, rules and what they do besides", () => {
  const webhook = {
    name: "a.b.c",
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
    clientConfig: { url: "https://h/p" },
  };
  const rule = { apiGroups: ["*", "a"], apiVersions: ["v1"], operations: ["X"], resources: ["*", "pods"] };
  return check([
    [
      "ValidatingWebhookConfiguration",
      { webhooks: [{ name: "a" }] },
      'webhooks[0].name: Invalid value: "a": should be a domain with at least three segments separated by dots, webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun, webhooks[0].clientConfig: Required value: exactly one of url or service is required, webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1',
    ],
    [
      "ValidatingWebhookConfiguration",
      { webhooks: [{ ...webhook, rules: [rule] }] },
      'webhooks[0].rules[0].operations[0]: Unsupported value: "X": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE", webhooks[0].rules[0].apiGroups: Invalid value: ["*","a"]: if \'*\' is present, must not specify other API groups, webhooks[0].rules[0].resources: Invalid value: ["*","pods"]: if \'*\' is present, must not specify other resources without subresources',
    ],
    [
      "MutatingWebhookConfiguration",
      { webhooks: [{ ...webhook, clientConfig: { url: "http://u@h/p?q" } }] },
      'webhooks[0].clientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path], webhooks[0].clientConfig.url: Invalid value: "u": user information is not permitted in the URL, webhooks[0].clientConfig.url: Invalid value: "q": query parameters are not permitted in the URL',
    ],
    [
      "MutatingWebhookConfiguration",
      { webhooks: [{ ...webhook, clientConfig: { service: { name: "s", path: "x/" } } }] },
      'webhooks[0].clientConfig.service.name: Required value, webhooks[0].clientConfig.service.path: Invalid value: "x/": must start with a \'/\', webhooks[0].clientConfig.service.path: Invalid value: "x/": segment[0] may not be empty',
    ],
  ]);
});

test("a Service that loses its spec is refused, not an accident", async () => {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "here" } });
  const metadata = { name: "x", namespace: "here" };
  await store.create(RESOURCES.services, { metadata, ...service({}) });
  await assert.rejects(
    store.replace(RESOURCES.services, { metadata } as KubernetesObject),
    /spec.ports: Required value/,
  );
});

test("an event of the newer version stays what it was, but for its series", async () => {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "here" } });
  const at: GroupVersionResource = BUILTIN_RESOURCES.find(({ group }) => group === "events.k8s.io")!;
  const time = "2026-01-01T00:00:00.000000Z";
  await store.create(at, {
    metadata: { name: "e", namespace: "here" },
    eventTime: time,
    reportingController: "a.b/c",
    reportingInstance: "i",
    action: "Run",
    reason: "Ran",
    type: "Normal",
    regarding: { kind: "Pod", name: "p", namespace: "here" },
  } as KubernetesObject);
  const change = (body: object) =>
    store.patch(at, { namespace: "here", name: "e" }, { type: "merge", body }).then(
      () => "",
      (error) => error.message.replace(/^.*? is invalid: /, ""),
    );
  assert.equal(await change({ series: { count: 2, lastObservedTime: time } }), "");
  assert.equal(await change({ reason: "Other" }), 'reason: Invalid value: "Other": field is immutable');
  assert.match(
    await change({ series: { count: 1 } }),
    /series.count: Invalid value: "": should be at least 2/,
  );
});

test("beginnings of names, older annotations, addresses of this network, tolerations that are told apart by no time", () => {
  const label =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, " +
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is " +
    "'[a-z]([-a-z0-9]*[a-z0-9])?')";
  const ranges = "service.beta.kubernetes.io/load-balancer-source-ranges";
  const avoided = "scheduler.alpha.kubernetes.io/preferAvoidPods";
  const service = (metadata: object, type = "ClusterIP") => ({
    metadata: { name: "x", namespace: "here", ...metadata },
    spec: { type, ports: [{ port: 80 }] },
  });
  const noted = (text: string) => ({ annotations: { [ranges]: text } });
  const tolerates = (tolerationSeconds: number) => ({
    key: "k",
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds,
  });
  return check([
    ["Service", service({ generateName: "-1" }), `metadata.generateName: Invalid value: "-1": ${label}`],
    ["Service", service({ generateName: "a-" }), ""],
    ["RoleBinding", { roleRef: { apiGroup: "", kind: "Role", name: "a" } }, ""],
    [
      "Service",
      service(noted("10.0.0.0/8")),
      `metadata.annotations[${ranges}]: Forbidden: may only be used when \`type\` is 'LoadBalancer'`,
    ],
    [
      "Service",
      service(noted("foo"), "LoadBalancer"),
      `metadata.annotations[${ranges}]: Invalid value: "foo": must be a valid CIDR value, (e.g. 10.9.8.0/24 or ` +
        "2001:db8::/64)",
    ],
    ["Service", service(noted("10.0.0.0/8, 11.0.0.0/8"), "LoadBalancer"), ""],
    [
      "Endpoints",
      { subsets: [{ addresses: [{ ip: "169.254.0.1" }], ports: [{ port: 1 }] }] },
      'subsets[0].addresses[0].ip: Invalid value: "169.254.0.1": may not be in the link-local range (169.254.0.0/16, ' +
        "fe80::/10)",
    ],
    ["Endpoints", { subsets: [{ addresses: [{ ip: "127.0.0.9" }], ports: [{ port: 1 }] }] }, ""],
    [
      "RuntimeClass",
      { handler: "h", scheduling: { tolerations: [tolerates(1), tolerates(2)] } },
      'scheduling.tolerations[1]: Duplicate value: {"Key":"k","Operator":"Exists","Value":"","Effect":"NoExecute",' +
        '"TolerationSeconds":2}',
    ],
    [
      "Node",
      { metadata: { name: "n", annotations: { [avoided]: '{"preferAvoidPods":[{"podSignature":{}}]}' } } },
      `metadata.annotations.${avoided}[0].PodSignature: Required value`,
    ],
    [
      "Node",
      { status: { nodeInfo: { swap: { capacity: 0 } } } },
      "metadata.nodeSwapStatus.capacity: Invalid value: 0: must be greater than zero",
    ],
  ]);
});
