/** Pods, nodes, namespaces and the rest of the core group: defaults, first status and the fields of selectors. */
import { type KubernetesObject, kubernetesTime } from "../../../model/kubernetes-object.ts";
import { type KubernetesError, statusError } from "../../../model/kubernetes-status.ts";
import { qosClassOf } from "../../../model/quality-of-service.ts";
import type { ObjectStore } from "../object-store.ts";
import {
  validateConfigMap,
  validateNamespace,
  validateNode,
  validateQuota,
  validateSecret,
} from "./core-validation.ts";
import { validateEvent } from "./event-validation.ts";
import type { KindStrategy } from "./kind-strategy.ts";
import { validateLimitRange } from "./limit-range-validation.ts";
import { setDefault, setPodDefaults, setPodSpecDefaults } from "./pod-defaults.ts";
import { validatePod, validatePodTemplate } from "./pod-validation.ts";
import { validateReplicationController } from "./workload-validation.ts";

export const podStrategy: KindStrategy = {
  setDefaults: setPodDefaults,
  prepareForCreate(pod, { store, clock }) {
    const { spec } = pod;
    if (spec !== undefined) {
      if (spec.terminationGracePeriodSeconds < 0) spec.terminationGracePeriodSeconds = 1;
      addNodeTolerations(spec);
      admitPriority(pod, store);
      if (
        spec.runtimeClassName &&
        store.get("node.k8s.io/runtimeclasses", spec.runtimeClassName) === undefined
      )
        throw forbidden(pod, `pod rejected: RuntimeClass ${JSON.stringify(spec.runtimeClassName)} not found`);
    }
    pod.status = {
      phase: "Pending",
      qosClass: qosClassOf(spec ?? {}),
      ...(spec?.schedulingGates?.length > 0 ? { conditions: [gatedCondition(clock.now())] } : {}),
    };
  },
  prepareForUpdate({ spec }, previous) {
    if (spec === undefined) return;
    addNodeTolerations(spec);
    // What was decided at creation need not be repeated.
    spec.priority ??= previous.spec?.priority;
    spec.preemptionPolicy ??= previous.spec?.preemptionPolicy;
  },
  validate: validatePod,
  fields: {
    "spec.nodeName": (pod) => pod.spec?.nodeName,
    "spec.restartPolicy": (pod) => pod.spec?.restartPolicy,
    "spec.schedulerName": (pod) => pod.spec?.schedulerName,
    "spec.serviceAccountName": (pod) => pod.spec?.serviceAccountName,
    "spec.hostNetwork": (pod) => pod.spec?.hostNetwork ?? false,
    "status.phase": (pod) => pod.status?.phase,
    "status.podIP": (pod) => pod.status?.podIP,
    "status.nominatedNodeName": (pod) => pod.status?.nominatedNodeName,
  },
};

/** Until its gates are open, a pod says why it is on no node (`applySchedulingGatedCondition`). */
function gatedCondition(nowMs: number) {
  return {
    type: "PodScheduled",
    status: "False",
    reason: "SchedulingGated",
    message: "Scheduling is blocked due to non-empty scheduling gates",
    lastProbeTime: null,
    lastTransitionTime: kubernetesTime(nowMs),
  };
}

function forbidden({ metadata }: KubernetesObject, problem: string): KubernetesError {
  const { name } = metadata;
  const message = `pods ${JSON.stringify(name)} is forbidden: ${problem}`;
  return statusError("Forbidden", message, { name, kind: "pods" });
}

/** The value of a pod's class, or of the class for all that name none (admission plugin Priority). */
function admitPriority(pod: KubernetesObject, store: ObjectStore): void {
  const { spec } = pod;
  const classes = "scheduling.k8s.io/priorityclasses";
  const isDefault = (object: KubernetesObject) => (object as unknown as PriorityClass).globalDefault === true;
  const found = spec.priorityClassName
    ? store.get(classes, spec.priorityClassName)
    : [...store.scan(classes)].find(isDefault);
  if (found === undefined) {
    if (spec.priorityClassName)
      throw forbidden(pod, `no PriorityClass with name ${spec.priorityClassName} was found`);
    setPriority(pod, 0, "PreemptLowerPriority");
    return;
  }
  const { value, preemptionPolicy = "PreemptLowerPriority" } = found as unknown as PriorityClass;
  spec.priorityClassName = found.metadata.name;
  setPriority(pod, value ?? 0, preemptionPolicy);
}

/** What the class says; a pod that says something else is refused. */
function setPriority(pod: KubernetesObject, priority: number, policy: string): void {
  const { spec } = pod;
  const differs = (what: string, given: string | number, computed: string | number) =>
    forbidden(
      pod,
      `the ${what} (${given}) must not be provided in pod spec; priority admission controller computed ${computed} ` +
        "from the given PriorityClass name",
    );
  if (spec.priority !== undefined && spec.priority !== priority)
    throw differs("integer value of priority", spec.priority, priority);
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
    throw differs("string value of PreemptionPolicy", spec.preemptionPolicy, policy);
  spec.priority = priority;
  spec.preemptionPolicy = policy;
}

interface PriorityClass {
  value?: number;
  globalDefault?: boolean;
  preemptionPolicy?: string;
}

/** Pods stay for five minutes on a node that is not ready (admission plugin DefaultTolerationSeconds). */
// biome-ignore lint/suspicious/noExplicitAny: a pod's spec
function addNodeTolerations(spec: any): void {
  for (const key of ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]) {
    // biome-ignore lint/suspicious/noExplicitAny: a toleration
    const isTolerated = (spec.tolerations ?? []).some((toleration: any) => {
      const sameKey = toleration.key === key || (!toleration.key && toleration.operator === "Exists");
      return sameKey && (!toleration.effect || toleration.effect === "NoExecute");
    });
    if (isTolerated) continue;
    spec.tolerations = [
      ...(spec.tolerations ?? []),
      { key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
    ];
  }
}

export const namespaceStrategy: KindStrategy = {
  setDefaults: setNameLabel,
  prepareForCreate(namespace) {
    const finalizers: string[] = namespace.spec?.finalizers ?? [];
    const all = finalizers.includes("kubernetes") ? finalizers : [...finalizers, "kubernetes"];
    namespace.spec = { ...namespace.spec, finalizers: all };
    namespace.status = { phase: "Active" };
  },
  prepareForUpdate(namespace, previous) {
    namespace.spec = previous.spec;
  },
  validate: validateNamespace,
  fields: { "status.phase": (namespace) => namespace.status?.phase },
};

function setNameLabel({ metadata }: KubernetesObject): void {
  metadata.labels = { ...metadata.labels, "kubernetes.io/metadata.name": metadata.name };
}

export const nodeStrategy: KindStrategy = {
  setDefaults({ spec, status }) {
    if (spec?.podCIDR) setDefault(spec, "podCIDRs", [spec.podCIDR]);
    else if (spec?.podCIDRs?.length > 0) spec.podCIDR = spec.podCIDRs[0];
    if (status?.capacity !== undefined) setDefault(status, "allocatable", status.capacity);
  },
  validate: validateNode,
  fields: { "spec.unschedulable": (node) => node.spec?.unschedulable ?? false },
};

export const secretStrategy: KindStrategy = {
  setDefaults(object) {
    const secret = object as KubernetesObject & {
      type?: string;
      data?: Record<string, string>;
      stringData?: Record<string, string>;
    };
    setDefault(secret, "type", "Opaque");
    if (secret.stringData === undefined) return;
    for (const [key, value] of Object.entries(secret.stringData)) {
      secret.data = { ...secret.data, [key]: Buffer.from(value).toString("base64") };
    }
    delete secret.stringData;
  },
  validate: validateSecret,
  fields: { type: (secret) => (secret as unknown as { type: string }).type },
};

export const quotaStrategy: KindStrategy = { validate: validateQuota };

export const configMapStrategy: KindStrategy = { validate: validateConfigMap };

interface EventObject extends KubernetesObject {
  involvedObject?: Record<string, string>;
  reason?: string;
  type?: string;
  source?: { component?: string };
  reportingComponent?: string;
}

const involved = (field: string) => (event: KubernetesObject) =>
  (event as EventObject).involvedObject?.[field];

export const eventStrategy: KindStrategy = {
  validate: validateEvent,
  fields: {
    "involvedObject.kind": involved("kind"),
    "involvedObject.namespace": involved("namespace"),
    "involvedObject.name": involved("name"),
    "involvedObject.uid": involved("uid"),
    "involvedObject.apiVersion": involved("apiVersion"),
    "involvedObject.resourceVersion": involved("resourceVersion"),
    "involvedObject.fieldPath": involved("fieldPath"),
    reason: (event) => (event as EventObject).reason,
    type: (event) => (event as EventObject).type,
    reportingComponent: (event) => (event as EventObject).reportingComponent,
    source: (event) => (event as EventObject).source?.component ?? (event as EventObject).reportingComponent,
  },
};

export const podTemplateStrategy: KindStrategy = {
  setDefaults(object) {
    const template = object as KubernetesObject & { template?: { spec?: object } };
    template.template ??= {};
    template.template.spec ??= {};
    setPodSpecDefaults(template.template.spec);
  },
  validate: (object) =>
    validatePodTemplate((object as KubernetesObject & { template?: unknown }).template, "template"),
};

export const replicationControllerStrategy: KindStrategy = {
  setDefaults({ spec, metadata }) {
    if (spec === undefined) return;
    const labels = spec.template?.metadata?.labels;
    if (labels !== undefined) {
      setDefault(spec, "selector", labels);
      setDefault(metadata, "labels", labels);
    }
    setDefault(spec, "replicas", 1);
    setPodSpecDefaults(spec.template?.spec);
  },
  validate: validateReplicationController,
  fields: { "status.replicas": ({ status }) => status?.replicas ?? 0 },
};

/** Limits of containers say what containers get that say nothing. */
export const limitRangeStrategy: KindStrategy = {
  setDefaults({ spec }) {
    for (const limit of spec?.limits ?? []) {
      if (limit.type !== "Container") continue;
      const defaults = { ...limit.max, ...limit.default };
      const requests = { ...limit.min, ...defaults, ...limit.defaultRequest };
      if (Object.keys(defaults).length > 0) limit.default = defaults;
      if (Object.keys(requests).length > 0) limit.defaultRequest = requests;
    }
  },
  validate: validateLimitRange,
};
