/** What a write of a status leaves of an object's metadata as it is (`GetResetFields` of the status strategies). */
import type { ResourceInfo } from "../resource-info.ts";

type OwnMetadata = "annotations" | "finalizers" | "labels" | "ownerReferences";

const KEPT: Record<string, "all" | readonly OwnMetadata[]> = {
  "/pods": ["ownerReferences"],
  "apps/deployments": ["labels"],
  "admissionregistration.k8s.io/validatingadmissionpolicies": "all",
  "apiextensions.k8s.io/customresourcedefinitions": "all",
  "apiregistration.k8s.io/apiservices": "all",
  "flowcontrol.apiserver.k8s.io/flowschemas": "all",
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": "all",
  "networking.k8s.io/servicecidrs": "all",
  "resource.k8s.io/resourceclaims": "all",
  "storage.k8s.io/volumeattachments": "all",
};

/** The rest comes from the writer, as in an update of the object. */
export function metadataKeptByStatus(info: ResourceInfo): "all" | readonly OwnMetadata[] {
  return info.isCustom ? "all" : (KEPT[info.collection] ?? []);
}
