/**
 * Families of PersistentVolumes and their claims, StorageClasses and VolumeAttachments (upstream `persistentvolume.go`,
 * `persistentvolumeclaim.go`, `storageclass.go`, `volumeattachment.go`).
 */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import {
  alphaGauge,
  annotationsFamily,
  conditionFamily,
  createdFamily,
  deletionFamily,
  type Family,
  flag,
  gauge,
  info,
  labelsFamily,
  numberFamily,
  one,
  optInGauge,
  phaseSamples,
} from "../family.ts";
import { prometheusLabels } from "../label-allow-list.ts";
import { wholeQuantity } from "./resource-samples.ts";

const VOLUME_PHASES = ["Pending", "Available", "Bound", "Released", "Failed"];
const CLAIM_PHASES = ["Lost", "Bound", "Pending"];

/** The labels of `kube_persistentvolume_info` that say where a volume lies: only those of the first source it has. */
function sourceLabels({ spec }: KubernetesObject): Record<string, string> {
  const { gcePersistentDisk, awsElasticBlockStore, azureDisk, fc, iscsi, nfs, csi, local, hostPath } = spec;
  if (gcePersistentDisk) return { gce_persistent_disk_name: gcePersistentDisk.pdName };
  if (awsElasticBlockStore) return { ebs_volume_id: awsElasticBlockStore.volumeID };
  if (azureDisk) return { azure_disk_name: azureDisk.diskName };
  if (fc)
    return {
      fc_wwids: fc.wwids?.join(","),
      fc_lun: fc.lun?.toString(),
      fc_target_wwns: fc.targetWWNs?.join(","),
    };
  if (iscsi)
    return {
      iscsi_target_portal: iscsi.targetPortal,
      iscsi_iqn: iscsi.iqn,
      iscsi_lun: String(iscsi.lun ?? 0),
      iscsi_initiator_name: iscsi.initiatorName,
    };
  if (nfs) return { nfs_server: nfs.server, nfs_path: nfs.path };
  if (csi) return { csi_driver: csi.driver, csi_volume_handle: csi.volumeHandle };
  if (local) return { local_path: local.path, local_fs: local.fsType };
  if (hostPath) return { host_path: hostPath.path, host_path_type: hostPath.type };
  return {};
}

const SOURCE_LABELS = [
  "gce_persistent_disk_name",
  "ebs_volume_id",
  "azure_disk_name",
  "fc_wwids",
  "fc_lun",
  "fc_target_wwns",
  "iscsi_target_portal",
  "iscsi_iqn",
  "iscsi_lun",
  "iscsi_initiator_name",
  "nfs_server",
  "nfs_path",
  "csi_driver",
  "csi_volume_handle",
  "local_path",
  "local_fs",
  "host_path",
  "host_path_type",
];

export const PERSISTENT_VOLUME_FAMILIES: Family[] = [
  gauge(
    "kube_persistentvolume_claim_ref",
    "Information about the Persistent Volume Claim Reference.",
    ({ spec: { claimRef } }) =>
      claimRef ? [info({ name: claimRef.name, claim_namespace: claimRef.namespace })] : [],
  ),
  annotationsFamily("persistentvolume"),
  labelsFamily("persistentvolume"),
  gauge(
    "kube_persistentvolume_status_phase",
    "The phase indicates if a volume is available, bound to a claim, or released by a claim.",
    ({ status }) => phaseSamples("phase", VOLUME_PHASES, status?.phase),
  ),
  gauge("kube_persistentvolume_info", "Information about persistentvolume.", (volume) => {
    const source = sourceLabels(volume);
    return [
      info({
        storageclass: volume.spec.storageClassName,
        ...Object.fromEntries(SOURCE_LABELS.map((name) => [name, source[name]])),
        reclaim_policy: volume.spec.persistentVolumeReclaimPolicy,
      }),
    ];
  }),
  gauge("kube_persistentvolume_capacity_bytes", "Persistentvolume capacity in bytes.", ({ spec }) =>
    one(wholeQuantity(spec.capacity?.storage ?? "0")),
  ),
  createdFamily("persistentvolume", alphaGauge),
  deletionFamily("persistentvolume"),
  optInGauge(
    "kube_persistentvolume_csi_attributes",
    "CSI attributes of the Persistent Volume.",
    ({ spec: { csi } }) =>
      csi
        ? [
            info({
              csi_mounter: csi.volumeAttributes?.mounter,
              csi_map_options: csi.volumeAttributes?.mapOptions,
            }),
          ]
        : [],
  ),
  alphaGauge(
    "kube_persistentvolume_volume_mode",
    "Volume Mode information for the PersistentVolume.",
    ({ spec }) => [info({ volumemode: spec.volumeMode ?? "Filesystem" })],
  ),
  alphaGauge(
    "kube_persistentvolume_access_mode",
    "The access mode(s) specified by the persistent volume.",
    ({ spec }) => (spec.accessModes ?? []).map((mode: string) => info({ access_mode: mode })),
  ),
];

const BETA_STORAGE_CLASS = "volume.beta.kubernetes.io/storage-class";

export const PERSISTENT_VOLUME_CLAIM_FAMILIES: Family[] = [
  labelsFamily("persistentvolumeclaim"),
  annotationsFamily("persistentvolumeclaim"),
  gauge(
    "kube_persistentvolumeclaim_info",
    "Information about persistent volume claim.",
    ({ metadata, spec }) => [
      info({
        storageclass: metadata.annotations?.[BETA_STORAGE_CLASS] ?? spec.storageClassName,
        volumename: spec.volumeName,
        volumemode: spec.volumeMode,
      }),
    ],
  ),
  gauge(
    "kube_persistentvolumeclaim_status_phase",
    "The phase the persistent volume claim is currently in.",
    ({ status }) => phaseSamples("phase", CLAIM_PHASES, status?.phase),
  ),
  gauge(
    "kube_persistentvolumeclaim_resource_requests_storage_bytes",
    "The capacity of storage requested by the persistent volume claim.",
    ({ spec }) => {
      const storage = spec.resources?.requests?.storage;
      return storage === undefined ? [] : one(wholeQuantity(storage));
    },
  ),
  gauge(
    "kube_persistentvolumeclaim_access_mode",
    "The access mode(s) specified by the persistent volume claim.",
    ({ spec }) => (spec.accessModes ?? []).map((mode: string) => info({ access_mode: mode })),
  ),
  conditionFamily(
    "kube_persistentvolumeclaim_status_condition",
    "Information about status of different conditions of persistent volume claim.",
    alphaGauge,
  ),
  createdFamily("persistentvolumeclaim", alphaGauge),
  deletionFamily("persistentvolumeclaim"),
];

interface StorageClass extends KubernetesObject {
  provisioner?: string;
  reclaimPolicy?: string;
  volumeBindingMode?: string;
}

export const STORAGE_CLASS_FAMILIES: Family[] = [
  gauge("kube_storageclass_info", "Information about storageclass.", (object) => {
    const { provisioner, reclaimPolicy, volumeBindingMode } = object as StorageClass;
    return [
      info({
        provisioner,
        reclaim_policy: reclaimPolicy ?? "Delete",
        volume_binding_mode: volumeBindingMode ?? "Immediate",
      }),
    ];
  }),
  createdFamily("storageclass"),
  annotationsFamily("storageclass"),
  labelsFamily("storageclass"),
];

export const VOLUME_ATTACHMENT_FAMILIES: Family[] = [
  alphaGauge(
    "kube_volumeattachment_labels",
    "Kubernetes labels converted to Prometheus labels.",
    // No allow list: upstream gives every label of these.
    ({ metadata }) => [{ labels: prometheusLabels("label", metadata.labels, ["*"]), value: 1 }],
  ),
  alphaGauge("kube_volumeattachment_info", "Information about volumeattachment.", ({ spec }) => [
    info({ attacher: spec.attacher, node: spec.nodeName }),
  ]),
  createdFamily("volumeattachment", alphaGauge),
  alphaGauge(
    "kube_volumeattachment_spec_source_persistentvolume",
    "PersistentVolume source reference.",
    ({ spec }) =>
      spec.source?.persistentVolumeName == null
        ? []
        : [info({ volumename: spec.source.persistentVolumeName })],
  ),
  numberFamily(
    "kube_volumeattachment_status_attached",
    "Information about volumeattachment.",
    ({ status }) => flag(status?.attached),
    alphaGauge,
  ),
  alphaGauge(
    "kube_volumeattachment_status_attachment_metadata",
    "volumeattachment metadata.",
    ({ status }) => [{ labels: prometheusLabels("metadata", status?.attachmentMetadata, ["*"]), value: 1 }],
  ),
];
