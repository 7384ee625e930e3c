/** Earlier states of StatefulSets and DaemonSets. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";

export interface ControllerRevision extends KubernetesObject {
  data: unknown;
  revision: number;
}
