/** Claims, volumes and the classes and drivers behind them: defaults (`pkg/apis/core/v1`, `pkg/apis/storage/v1`). */
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { deepEqual } from "../deep-equal.ts";
import { validateClaim } from "./claim-validation.ts";
import type { KindStrategy } from "./kind-strategy.ts";
import { setDefault } from "./pod-defaults.ts";
import {
  validateAttachment,
  validateAttributesClass,
  validateStorageCapacity,
  validateStorageClass,
  validateStorageDriver,
  validateStorageNode,
  validateVolume,
} from "./storage-validation.ts";

export const claimStrategy: KindStrategy = {
  setDefaults({ spec }) {
    if (spec === undefined) return;
    setDefault(spec, "volumeMode", "Filesystem");
    setDataSources(spec);
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
  validate: validateClaim,
};

/** The two fields say the same, where one alone is given and both can (`NormalizeDataSources`). */
// biome-ignore lint/suspicious/noExplicitAny: a claim's spec
function setDataSources(spec: any): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined && dataSourceRef === undefined) spec.dataSourceRef = { ...dataSource };
  if (dataSourceRef !== undefined && dataSource === undefined && !dataSourceRef.namespace)
    spec.dataSource = { ...dataSourceRef };
}

export const volumeStrategy: KindStrategy = {
  setDefaults({ spec }) {
    if (spec === undefined) return;
    setDefault(spec, "volumeMode", "Filesystem");
    setDefault(spec, "persistentVolumeReclaimPolicy", "Retain");
    if (spec.hostPath) setDefault(spec.hostPath, "type", "");
  },
  prepareForCreate(volume, { clock }) {
    volume.status = { phase: "Pending", lastPhaseTransitionTime: kubernetesTime(clock.now()) };
  },
  validate: validateVolume,
};

export const storageClassStrategy: KindStrategy = {
  setDefaults(object) {
    setDefault(object, "reclaimPolicy", "Delete");
    setDefault(object, "volumeBindingMode", "Immediate");
  },
  validate: validateStorageClass,
};

export const storageDriverStrategy: KindStrategy = {
  setDefaults(object) {
    object.spec ??= {};
    const { spec } = object;
    setDefault(spec, "attachRequired", true);
    setDefault(spec, "podInfoOnMount", false);
    setDefault(spec, "storageCapacity", false);
    setDefault(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
    setDefault(spec, "volumeLifecycleModes", ["Persistent"]);
    setDefault(spec, "requiresRepublish", false);
    setDefault(spec, "seLinuxMount", false);
  },
  /** Counted from the first change on. */
  prepareForUpdate({ metadata, spec }, previous) {
    if (!deepEqual(spec, previous.spec)) metadata.generation = (previous.metadata.generation ?? 0) + 1;
  },
  validate: validateStorageDriver,
};

export const storageNodeStrategy: KindStrategy = { validate: validateStorageNode };
export const storageCapacityStrategy: KindStrategy = { validate: validateStorageCapacity };
export const attachmentStrategy: KindStrategy = { validate: validateAttachment };
export const attributesClassStrategy: KindStrategy = { validate: validateAttributesClass };
