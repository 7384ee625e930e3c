/** Claims, volumes and the classes and drivers behind them: defaults (`pkg/apis/core/v1`, `pkg/apis/storage/v1`). */
import { kubernetesTime } from "../../../model/kubernetes-object.ts";
import { validateClaim, validateStorageClass, validateVolume } from "./claim-validation.ts";
import type { KindStrategy } from "./kind-strategy.ts";
import { setDefault } from "./pod-defaults.ts";

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
  validate: validateClaim,
};

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
};
