/** StatefulSets. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { LabelSelector } from "../../model/label-selector.ts";
import type { Condition } from "./condition.ts";
import type { PersistentVolumeClaim } from "./persistent-volume.ts";
import type { PodTemplate } from "./pod.ts";

export interface StatefulSet extends KubernetesObject {
  spec: {
    replicas?: number;
    selector: LabelSelector;
    serviceName?: string;
    template: PodTemplate;
    volumeClaimTemplates?: PersistentVolumeClaim[];
    podManagementPolicy?: "OrderedReady" | "Parallel";
    updateStrategy?: {
      type?: "RollingUpdate" | "OnDelete";
      rollingUpdate?: { partition?: number; maxUnavailable?: number | string };
    };
    revisionHistoryLimit?: number;
    minReadySeconds?: number;
    persistentVolumeClaimRetentionPolicy?: {
      whenDeleted?: "Retain" | "Delete";
      whenScaled?: "Retain" | "Delete";
    };
    ordinals?: { start?: number };
  };
  status?: StatefulSetStatus;
}

export interface StatefulSetStatus {
  observedGeneration?: number;
  replicas: number;
  readyReplicas?: number;
  availableReplicas?: number;
  currentReplicas?: number;
  updatedReplicas?: number;
  currentRevision?: string;
  updateRevision?: string;
  collisionCount?: number;
  conditions?: Condition[];
}
