/** What pods are configured by. */
import type { KubernetesObject } from "../../model/kubernetes-object.ts";

export interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
  /** Base64. */
  binaryData?: Record<string, string>;
}

export interface Secret extends KubernetesObject {
  /** Base64. */
  data?: Record<string, string>;
  type?: string;
}
