/** DaemonSets. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import type { LabelSelector } from "../../model/label-selector.ts";
import type { PodTemplate } from "./pod.ts";

export interface DaemonSet extends KubernetesObject {
  spec: {
    selector: LabelSelector;
    template: PodTemplate;
    updateStrategy?: {
      type?: "RollingUpdate" | "OnDelete";
      rollingUpdate?: { maxUnavailable?: number | string; maxSurge?: number | string };
    };
    minReadySeconds?: number;
    revisionHistoryLimit?: number;
  };
}
