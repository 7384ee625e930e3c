/** What clients are told of volumes, claims and their classes (`pkg/api/persistentvolume`, `pkg/api/storage`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { DEPRECATED_NODE_LABELS, termWarnings } from "./node-label-warnings.ts";
import { DEPRECATED_VOLUMES } from "./pod-warnings.ts";

const DEPRECATED_ANNOTATIONS = {
  "volume.beta.kubernetes.io/storage-class":
    'deprecated since v1.8; use "storageClassName" attribute instead',
  "volume.beta.kubernetes.io/mount-options": 'deprecated since v1.31; use "mountOptions" attribute instead',
};

export function storageWarnings(collection: string, object: KubernetesObject): string[] {
  switch (collection) {
    case "/persistentvolumes":
      return volumeWarnings(object);
    case "/persistentvolumeclaims":
      return annotationWarnings(object, ["volume.beta.kubernetes.io/storage-class"]);
    case "storage.k8s.io/storageclasses":
      return topologyWarnings(object);
    default:
      return [];
  }
}

function annotationWarnings(
  { metadata }: KubernetesObject,
  names = Object.keys(DEPRECATED_ANNOTATIONS) as (keyof typeof DEPRECATED_ANNOTATIONS)[],
): string[] {
  return names
    .filter((name) => metadata.annotations?.[name] !== undefined)
    .map((name) => `metadata.annotations[${name}]: ${DEPRECATED_ANNOTATIONS[name]}`);
}

/** Those of the pods' volumes that a volume of its own can be, too. */
const VOLUMES = ["cephfs", "photonPersistentDisk", "scaleIO", "storageos", "glusterfs", "rbd"];

function volumeWarnings(volume: KubernetesObject): string[] {
  const { spec = {} } = volume;
  const warnings = annotationWarnings(volume);
  if (spec.persistentVolumeReclaimPolicy === "Recycle")
    warnings.push(
      "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach " +
        "is to use dynamic provisioning.",
    );
  const at = "spec.nodeAffinity.required.nodeSelectorTerms";
  for (const [index, term] of (spec.nodeAffinity?.required?.nodeSelectorTerms ?? []).entries())
    warnings.push(...termWarnings(term, `${at}[${index}]`));
  for (const name of VOLUMES)
    if (spec[name] !== undefined)
      warnings.push(`spec.${name === "storageos" ? "storageOS" : name}: ${DEPRECATED_VOLUMES[name]}`);
  return warnings;
}

interface StorageClass extends KubernetesObject {
  allowedTopologies?: { matchLabelExpressions?: { key: string }[] }[];
}

function topologyWarnings(object: KubernetesObject): string[] {
  const { allowedTopologies = [] } = object as StorageClass;
  return allowedTopologies.flatMap(({ matchLabelExpressions = [] }, index) =>
    matchLabelExpressions.flatMap(({ key }, position) =>
      DEPRECATED_NODE_LABELS[key] === undefined
        ? []
        : [
            `allowedTopologies[${index}].matchLabelExpressions[${position}].key: ${DEPRECATED_NODE_LABELS[key]}`,
          ],
    ),
  );
}
