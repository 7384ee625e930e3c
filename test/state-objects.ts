/** One object or more of every kind that kube-state-metrics reads, with most of what its families look at. */
import type { KubernetesObject } from "../src/model/kubernetes-object.ts";

export interface StateObject extends KubernetesObject {
  apiVersion: string;
  kind: string;
  [field: string]: unknown;
}

const T0 = "2026-01-02T03:04:05Z";
const T1 = "2026-01-02T04:05:06Z";
const NS = "shop";
const LABELS = {
  app: "till",
  "app.kubernetes.io/part-of": "shop",
  camelCase: "yes",
  "camel-case": "collides",
  tier: "front",
};
const ANNOTATIONS = { "example.org/note": 'two\nlines and a "quote"\\', owner: "Zoë" };

const meta = (name: string, more: Partial<KubernetesObject["metadata"]> = {}) => ({
  name,
  namespace: NS,
  labels: LABELS,
  annotations: ANNOTATIONS,
  ...more,
});
const clusterMeta = (name: string) => ({ ...meta(name), namespace: undefined });
const label = (text: Record<string, string>) => ({ labels: { ...text } });
const template = (app: string) => ({
  metadata: label({ app }),
  spec: { containers: [{ name: "main", image: "till:1" }] },
});
const owner = (kind: string, name: string, controller?: boolean) => ({
  apiVersion: "example.org/v1",
  kind,
  name,
  uid: `uid-${name}`,
  ...(controller !== undefined && { controller }),
});

/** A pod that no controller minds: it is bound, and its status is what is written here. */
const PODS: StateObject[] = [
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: meta("busy", { ownerReferences: [owner("Till", "till-7", true), owner("Shelf", "shelf")] }),
    spec: {
      nodeName: "node-z",
      nodeSelector: { disk: "fast", "example.org/Zone": "west" },
      runtimeClassName: "thick",
      overhead: { cpu: "250m", memory: "120Mi" },
      initContainers: [
        {
          name: "fetch",
          image: "fetch:2",
          resources: { requests: { cpu: "10m", memory: "1500Ki" }, limits: { "ephemeral-storage": "1G" } },
        },
        { name: "proxy", image: "proxy:3", restartPolicy: "Always" },
      ],
      containers: [
        {
          name: "main",
          image: "till:1",
          resources: {
            requests: { cpu: "70m", memory: "64Mi", "hugepages-2Mi": "4Mi", "vendor.example/gpu": "2" },
            limits: { cpu: "1500m", memory: "0.5Gi", "hugepages-2Mi": "4Mi", "vendor.example/gpu": "2" },
          },
        },
        { name: "crash", image: "crash:latest" },
      ],
      tolerations: [
        { key: "dedicated", operator: "Equal", value: "shop", effect: "NoSchedule" },
        { key: "dedicated", operator: "Equal", value: "shop", effect: "NoSchedule" },
        {
          key: "node.kubernetes.io/not-ready",
          operator: "Exists",
          effect: "NoExecute",
          tolerationSeconds: 30,
        },
      ],
      volumes: [
        { name: "data", persistentVolumeClaim: { claimName: "till-data", readOnly: true } },
        { name: "plain", emptyDir: {} },
        {
          name: "scratch",
          ephemeral: {
            volumeClaimTemplate: {
              spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
            },
          },
        },
      ],
    },
    status: {
      phase: "Running",
      qosClass: "Burstable",
      hostIP: "10.0.0.7",
      podIP: "10.1.2.3",
      podIPs: [{ ip: "10.1.2.3" }, { ip: "fd00::3" }],
      startTime: T0,
      conditions: [
        { type: "PodScheduled", status: "True", lastTransitionTime: T0 },
        { type: "Initialized", status: "True", lastTransitionTime: T0 },
        { type: "ContainersReady", status: "False", lastTransitionTime: T1 },
        { type: "Ready", status: "False", reason: "ContainersNotReady", lastTransitionTime: T1 },
        { type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI", lastTransitionTime: T1 },
      ],
      initContainerStatuses: [
        {
          name: "fetch",
          image: "fetch:2",
          imageID: "sha256:f",
          containerID: "process://f",
          ready: true,
          restartCount: 1,
          state: {
            terminated: {
              exitCode: 0,
              reason: "Completed",
              startedAt: T0,
              finishedAt: T1,
              containerID: "process://f",
            },
          },
          lastState: { terminated: { exitCode: 3, reason: "Error", startedAt: T0, finishedAt: T0 } },
        },
        {
          name: "proxy",
          image: "proxy:3",
          imageID: "",
          ready: true,
          restartCount: 0,
          started: true,
          state: { running: { startedAt: T0 } },
        },
      ],
      containerStatuses: [
        {
          name: "main",
          image: "till:1",
          imageID: "sha256:t",
          containerID: "process://t",
          ready: true,
          restartCount: 0,
          state: { running: { startedAt: T0 } },
        },
        {
          name: "crash",
          image: "crash:latest",
          imageID: "sha256:c",
          ready: false,
          restartCount: 1_234_567,
          state: { waiting: { reason: "CrashLoopBackOff", message: "back-off" } },
          lastState: { terminated: { exitCode: 137, reason: "OOMKilled", startedAt: T0, finishedAt: T1 } },
        },
      ],
    },
  },
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "evicted", namespace: NS },
    spec: {
      nodeName: "node-z",
      hostNetwork: true,
      restartPolicy: "Never",
      containers: [{ name: "main", image: "till:1" }],
    },
    status: {
      phase: "Failed",
      reason: "Evicted",
      containerStatuses: [
        {
          name: "main",
          image: "till:1",
          imageID: "",
          ready: false,
          restartCount: 0,
          state: { terminated: { exitCode: 1, reason: "Error", startedAt: T0, finishedAt: T1 } },
        },
      ],
    },
  },
];

const WORKLOADS: StateObject[] = [
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta("till", { ownerReferences: [owner("Chain", "chain")] }),
    spec: {
      replicas: 10,
      paused: true,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      selector: { matchLabels: { app: "none" } },
      template: template("none"),
    },
    status: {
      replicas: 9,
      readyReplicas: 7,
      availableReplicas: 6,
      unavailableReplicas: 4,
      updatedReplicas: 3,
      terminatingReplicas: 2,
      observedGeneration: 1,
      conditions: [
        { type: "Available", status: "True", reason: "MinimumReplicasAvailable" },
        { type: "Progressing", status: "False", reason: "SomethingOfOurOwn" },
      ],
    },
  },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "recreated", namespace: NS },
    spec: {
      replicas: 0,
      paused: true,
      strategy: { type: "Recreate" },
      selector: { matchLabels: { app: "none" } },
      template: template("none"),
    },
  },
  {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: meta("ledger"),
    spec: {
      replicas: 0,
      serviceName: "ledger",
      ordinals: { start: 3 },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Retain" },
      selector: { matchLabels: { app: "ledger" } },
      template: template("ledger"),
    },
  },
  {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: meta("loose", { ownerReferences: [owner("Chain", "chain", false)] }),
    spec: { replicas: 0, selector: { matchLabels: { app: "loose" } }, template: template("loose") },
  },
  {
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: meta("old"),
    spec: { replicas: 2, selector: { app: "old" }, template: template("old") },
    status: { replicas: 2, fullyLabeledReplicas: 2, readyReplicas: 1, availableReplicas: 1 },
  },
  {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: meta("agent"),
    spec: { selector: { matchLabels: { app: "agent" } }, template: template("agent") },
    status: {
      currentNumberScheduled: 2,
      desiredNumberScheduled: 3,
      numberAvailable: 1,
      numberMisscheduled: 4,
      numberReady: 1,
      numberUnavailable: 2,
      updatedNumberScheduled: 2,
      observedGeneration: 1,
    },
  },
  {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: meta("count", { ownerReferences: [owner("CronJob", "nightly", true)] }),
    spec: {
      parallelism: 2,
      completions: 3,
      activeDeadlineSeconds: 900,
      template: { spec: { ...template("count").spec, restartPolicy: "Never" } },
    },
    status: {
      failed: 7,
      succeeded: 1,
      startTime: T0,
      uncountedTerminatedPods: {},
      conditions: [
        { type: "FailureTarget", status: "True", reason: "BackoffLimitExceeded" },
        { type: "Failed", status: "True", reason: "BackoffLimitExceeded" },
      ],
    },
  },
  {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "waits", namespace: NS },
    spec: { suspend: true, template: { spec: { ...template("waits").spec, restartPolicy: "Never" } } },
    status: { conditions: [{ type: "Suspended", status: "True", reason: "JobSuspended" }] },
  },
  ...["*/15 3-5 * * 1-5", "@weekly", "30 2 29 2 *"].map(
    (schedule, index): StateObject => ({
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: meta(`nightly-${index}`),
      spec: {
        schedule,
        concurrencyPolicy: "Forbid",
        timeZone: index === 0 ? "Europe/Berlin" : undefined,
        startingDeadlineSeconds: 20,
        // Suspended, so that no controller adds a time of its own.
        suspend: index === 1,
        jobTemplate: { spec: { template: { spec: { ...template("n").spec, restartPolicy: "Never" } } } },
      },
      status: { lastScheduleTime: T0, lastSuccessfulTime: T1 },
    }),
  ),
  {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: meta("till"),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "till" },
      minReplicas: 2,
      maxReplicas: 12,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } },
        },
        {
          type: "ContainerResource",
          containerResource: {
            name: "memory",
            container: "main",
            target: { type: "AverageValue", averageValue: "200Mi" },
          },
        },
        {
          type: "Pods",
          pods: { metric: { name: "queue" }, target: { type: "AverageValue", averageValue: "1500m" } },
        },
        {
          type: "Object",
          object: {
            describedObject: { apiVersion: "v1", kind: "Service", name: "till" },
            metric: { name: "hits" },
            target: { type: "Value", value: "10k" },
          },
        },
        {
          type: "External",
          external: { metric: { name: "s0-tenants" }, target: { type: "AverageValue", averageValue: "2" } },
        },
      ],
    },
    status: {
      currentReplicas: 3,
      desiredReplicas: 4,
      currentMetrics: [
        {
          type: "External",
          external: { metric: { name: "s0-tenants" }, current: { averageValue: "2333m" } },
        },
        {
          type: "Resource",
          resource: { name: "cpu", current: { averageUtilization: 55, averageValue: "70m" } },
        },
      ],
      conditions: [
        { type: "AbleToScale", status: "True", reason: "ReadyForNewScale" },
        { type: "ScalingLimited", status: "Unknown", reason: "Y" },
      ],
    },
  },
];

const NETWORK: StateObject[] = [
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: meta("till"),
    spec: {
      type: "LoadBalancer",
      externalIPs: ["203.0.113.4", "203.0.113.5"],
      loadBalancerIP: "203.0.113.9",
      externalTrafficPolicy: "Local",
      ports: [{ name: "http", port: 80 }],
    },
    status: { loadBalancer: { ingress: [{ ip: "203.0.113.9" }, { hostname: "till.example" }] } },
  },
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "elsewhere", namespace: NS },
    spec: { type: "ExternalName", externalName: "db.example.org" },
  },
  {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: meta("by-hand"),
    subsets: [
      {
        addresses: [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }],
        notReadyAddresses: [{ ip: "10.0.0.3" }],
        ports: [
          { name: "http", port: 8000, protocol: "TCP" },
          { name: "dns", port: 53, protocol: "UDP" },
        ],
      },
    ],
  },
  {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: meta("by-hand-1"),
    addressType: "IPv4",
    endpoints: [
      {
        addresses: ["10.0.0.1"],
        conditions: { ready: true, serving: true, terminating: false },
        hostname: "till-0",
        nodeName: "node-z",
        zone: "west",
        targetRef: { kind: "Pod", name: "busy", namespace: NS },
        hints: { forZones: [{ name: "west" }, { name: "east" }] },
      },
      { addresses: ["10.0.0.2"], conditions: {} },
    ],
    ports: [{ name: "http", port: 8000, protocol: "TCP" }],
  },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: meta("front"),
    spec: {
      ingressClassName: "nginx",
      tls: [{ hosts: ["a.example", "b.example"], secretName: "cert" }],
      rules: [
        {
          host: "a.example",
          http: {
            paths: [
              {
                path: "/x",
                pathType: "Prefix",
                backend: { service: { name: "till", port: { number: 80 } } },
              },
              {
                path: "/y",
                pathType: "Exact",
                backend: { resource: { apiGroup: "example.org", kind: "Bucket", name: "files" } },
              },
            ],
          },
        },
      ],
    },
  },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "IngressClass",
    metadata: clusterMeta("nginx"),
    spec: { controller: "example.org/nginx" },
  },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: meta("closed"),
    spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"], ingress: [{}, {}], egress: [{}] },
  },
];

const STORAGE: StateObject[] = [
  {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: clusterMeta("disk-1"),
    spec: {
      capacity: { storage: "10Gi" },
      accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
      persistentVolumeReclaimPolicy: "Retain",
      storageClassName: "slow",
      nfs: { server: "nfs.example", path: "/exports/1" },
    },
    status: { phase: "Released" },
  },
  {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: clusterMeta("disk-2"),
    spec: {
      capacity: { storage: "1500M" },
      accessModes: ["ReadWriteOnce"],
      claimRef: { namespace: NS, name: "till-data" },
      csi: {
        driver: "csi.example",
        volumeHandle: "v-2",
        volumeAttributes: { mounter: "m", mapOptions: "o" },
      },
    },
    status: { phase: "Bound" },
  },
  {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: meta("till-data"),
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "none-such",
      volumeName: "disk-2",
      resources: { requests: { storage: "1Gi" } },
    },
    status: {
      phase: "Bound",
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "1500M" },
      conditions: [{ type: "Resizing", status: "True" }],
    },
  },
  {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: clusterMeta("slow"),
    provisioner: "example.org/slow",
    reclaimPolicy: "Retain",
    volumeBindingMode: "WaitForFirstConsumer",
  },
  {
    apiVersion: "storage.k8s.io/v1",
    kind: "VolumeAttachment",
    metadata: clusterMeta("attach-1"),
    spec: { attacher: "csi.example", nodeName: "node-z", source: { persistentVolumeName: "disk-2" } },
    status: { attached: true, attachmentMetadata: { devicePath: "/dev/x" } },
  },
];

const POLICY: StateObject[] = [
  {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: meta("till"),
    spec: { minAvailable: 1, selector: { matchLabels: { app: "nobody" } } },
  },
  {
    apiVersion: "v1",
    kind: "ResourceQuota",
    // As below: a quota asks every pod for its requests.
    metadata: { ...meta("quota"), namespace: "default" },
    spec: { hard: { "requests.cpu": "4", pods: "10" } },
    status: {
      hard: { "requests.cpu": "4", pods: "10", "requests.memory": "8Gi" },
      used: { "requests.cpu": "70m", pods: "2", "requests.memory": "1500Mi" },
    },
  },
  {
    apiVersion: "v1",
    kind: "LimitRange",
    // Not where the pods are: it would give them limits.
    metadata: { ...meta("limits"), namespace: "default" },
    spec: {
      limits: [
        {
          type: "Container",
          min: { cpu: "10m" },
          max: { memory: "1Gi" },
          default: { memory: "128Mi" },
          defaultRequest: { memory: "64Mi" },
          maxLimitRequestRatio: { memory: "4" },
        },
      ],
    },
  },
];

const CONFIGURATION: StateObject[] = [
  { apiVersion: "v1", kind: "ConfigMap", metadata: meta("settings"), data: { color: "green" } },
  {
    apiVersion: "v1",
    kind: "Secret",
    metadata: meta("password", { ownerReferences: [owner("Vault", "vault", true)] }),
    type: "example.org/password",
    data: { text: "c2VjcmV0" },
  },
  {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: meta("cashier"),
    automountServiceAccountToken: false,
    secrets: [{ name: "password" }],
    imagePullSecrets: [{ name: "registry" }],
  },
  {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: meta("leader", { ownerReferences: [owner("Node", "node-z")] }),
    spec: { holderIdentity: "till-1", renewTime: "2026-01-02T03:04:05.678901Z" },
  },
  ...(["Role", "ClusterRole"] as const).map(
    (kind): StateObject => ({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind,
      metadata: kind === "Role" ? meta("reader") : clusterMeta("reader"),
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }],
    }),
  ),
  ...(["RoleBinding", "ClusterRoleBinding"] as const).map(
    (kind): StateObject => ({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind,
      metadata: kind === "RoleBinding" ? meta("readers") : clusterMeta("readers"),
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "reader" },
      subjects: [{ kind: "ServiceAccount", namespace: NS, name: "cashier" }],
    }),
  ),
  ...(["Mutating", "Validating"] as const).map(
    (sort): StateObject => ({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: `${sort}WebhookConfiguration`,
      metadata: clusterMeta("checks"),
      webhooks: [
        {
          name: "pods.example.org",
          admissionReviewVersions: ["v1"],
          sideEffects: "None",
          failurePolicy: "Ignore",
          clientConfig: { service: { name: "hook", namespace: NS } },
        },
      ],
    }),
  ),
  {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      ...clusterMeta("node-z"),
      labels: { ...LABELS, "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/edge": "" },
    },
    spec: {
      podCIDR: "10.1.0.0/24",
      podCIDRs: ["10.1.0.0/24", "fd00::/64"],
      providerID: "example:///z",
      unschedulable: true,
      taints: [{ key: "dedicated", value: "shop", effect: "NoSchedule" }],
    },
    status: {
      capacity: {
        cpu: "7500m",
        memory: "16Gi",
        pods: "110",
        "ephemeral-storage": "100G",
        "vendor.example/gpu": "4",
      },
      allocatable: { cpu: "7070m", memory: "15.5Gi", pods: "110", "hugepages-1Gi": "2Gi" },
      addresses: [
        { type: "InternalIP", address: "10.0.0.7" },
        { type: "Hostname", address: "node-z" },
      ],
      conditions: [
        { type: "Ready", status: "True" },
        { type: "MemoryPressure", status: "Unknown" },
      ],
      nodeInfo: {
        kernelVersion: "6.1",
        osImage: 'Our "OS"',
        containerRuntimeVersion: "process://1",
        kubeletVersion: "v1.35.0",
        kubeProxyVersion: "",
        systemUUID: "uuid-z",
      },
    },
  },
];

export const STATE_NAMESPACE: StateObject = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: clusterMeta(NS),
};

export const STATE_OBJECTS: StateObject[] = [
  ...CONFIGURATION,
  ...STORAGE,
  ...POLICY,
  ...NETWORK,
  ...WORKLOADS,
  ...PODS,
];
