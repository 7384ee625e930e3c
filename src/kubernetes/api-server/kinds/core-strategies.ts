/** Pods, Services, claims and the rest of the core group: defaults, first status and the fields of selectors. */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { qosClassOf } from "../../../model/quality-of-service.ts";
import { validateConfigMap, validateNamespace, validateSecret, validateService } from "./core-validation.ts";
import type { KindStrategy } from "./kind-strategy.ts";
import { setDefault, setPodDefaults } from "./pod-defaults.ts";
import { validatePod } from "./pod-validation.ts";
import { assignServiceAddress, keepServiceAddress } from "./service-address.ts";

export const podStrategy: KindStrategy = {
  setDefaults: setPodDefaults,
  prepareForCreate(pod, { store }) {
    const { spec } = pod;
    if (spec !== undefined) {
      setDefault(spec, "serviceAccountName", "default");
      addNodeTolerations(spec);
      const priority = spec.priorityClassName
        ? store.get("scheduling.k8s.io/priorityclasses", spec.priorityClassName)
        : undefined;
      if (priority !== undefined) spec.priority = (priority as unknown as { value: number }).value;
    }
    pod.status = { phase: "Pending", qosClass: qosClassOf(spec ?? {}) };
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

export const serviceStrategy: KindStrategy = {
  setDefaults({ spec }) {
    if (spec === undefined) return;
    setDefault(spec, "type", "ClusterIP");
    setDefault(spec, "sessionAffinity", "None");
    for (const port of spec.ports ?? []) {
      setDefault(port, "protocol", "TCP");
      setDefault(port, "targetPort", port.port);
    }
    if (spec.type === "ExternalName") return;
    setDefault(spec, "internalTrafficPolicy", "Cluster");
    setDefault(spec, "ipFamilies", ["IPv4"]);
    setDefault(spec, "ipFamilyPolicy", "SingleStack");
    if (spec.type !== "ClusterIP") setDefault(spec, "externalTrafficPolicy", "Cluster");
  },
  prepareForCreate(service, context) {
    service.status = { loadBalancer: {} };
    assignServiceAddress(service, context);
  },
  prepareForUpdate: keepServiceAddress,
  validate: validateService,
  fields: {
    "spec.clusterIP": (service) => service.spec?.clusterIP,
    "spec.type": (service) => service.spec?.type,
  },
};

export const namespaceStrategy: KindStrategy = {
  prepareForCreate(namespace) {
    namespace.spec = { ...namespace.spec, finalizers: ["kubernetes"] };
    namespace.status = { phase: "Active" };
    setNameLabel(namespace);
  },
  prepareForUpdate(namespace, previous) {
    namespace.spec = previous.spec;
    setNameLabel(namespace);
  },
  validate: validateNamespace,
  fields: { "status.phase": (namespace) => namespace.status?.phase },
};

function setNameLabel({ metadata }: KubernetesObject): void {
  metadata.labels = { ...metadata.labels, "kubernetes.io/metadata.name": metadata.name };
}

export const nodeStrategy: KindStrategy = {
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

export const configMapStrategy: KindStrategy = { validate: validateConfigMap };

export const claimStrategy: KindStrategy = {
  setDefaults({ spec }) {
    if (spec !== undefined) setDefault(spec, "volumeMode", "Filesystem");
  },
  prepareForCreate(claim, { store }) {
    claim.status = { phase: "Pending" };
    if (claim.spec !== undefined && claim.spec.storageClassName === undefined) {
      for (const storageClass of store.scan("storage.k8s.io/storageclasses")) {
        if (storageClass.metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] !== "true")
          continue;
        claim.spec.storageClassName = storageClass.metadata.name;
        break;
      }
    }
  },
};

export const volumeStrategy: KindStrategy = {
  setDefaults({ spec }) {
    if (spec === undefined) return;
    setDefault(spec, "volumeMode", "Filesystem");
    setDefault(spec, "persistentVolumeReclaimPolicy", "Retain");
  },
  prepareForCreate(volume) {
    volume.status = { phase: "Pending" };
  },
};

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
