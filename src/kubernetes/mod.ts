/**
 * The embedded cluster: a small Kubernetes (1.35) on one machine, without containers. An API server that speaks the real
 * REST API, the controllers, a scheduler over three virtual nodes, a kubelet whose containers are processes, Service
 * addresses and cluster DNS: all in the process that calls `createCluster`, the pods in processes of their own.
 *
 * On purpose different from upstream:
 * - `image:` names an entry of the image catalogue (`kubelet/image-catalogue.ts`), not something to pull.
 * - There are no namespaces of the kernel: a pod is a group of processes with a loopback address of its own. Node
 *   programs are told the pod's network and folders by a preload (`base/pod/preload.ts`); other programs must listen on
 *   their `POD_IP` and find mounts below their working directory.
 * - All nodes are this machine. Requests are what the scheduler goes by; limits are not enforced.
 * - Readiness is probed eagerly until it succeeds for the first time (`kubelet/prober.ts`).
 * - Services are proxied by the control plane's process and are not reachable while it is down; pods go on meanwhile
 *   and are adopted by the next one, or end after `HEARTBEAT_LIMIT_MS`.
 */

export { ClusterStore, type ClusterStoreOptions } from "./api-server/cluster-store.ts";
export type { ResourceInfo } from "./api-server/resource-info.ts";
export { createCluster } from "./cluster.ts";
export type { Cluster, ClusterOptions, RunningContainer, ServiceTarget } from "./cluster-types.ts";
export { startDeploymentController } from "./controllers/apps/deployment.ts";
export { startReplicaSetController } from "./controllers/apps/replica-set.ts";
export { startStatefulSetController } from "./controllers/apps/stateful-set.ts";
export {
  type AutoscalerControllerOptions,
  startHorizontalPodAutoscalerController,
} from "./controllers/autoscaling/horizontal-pod-autoscaler.ts";
export {
  type AutoscalerMemory,
  DOWNSCALE_STABILIZATION_SECONDS,
  newAutoscalerMemory,
  rememberScaling,
} from "./controllers/autoscaling/horizontal-pod-autoscaler-behavior.ts";
export {
  type AutoscalerSettings,
  DEFAULT_TOLERANCE,
  type Decision,
  decide,
} from "./controllers/autoscaling/horizontal-pod-autoscaler-decision.ts";
export {
  createMetricsClient,
  type GetJson,
  type MetricsClient,
} from "./controllers/autoscaling/horizontal-pod-autoscaler-metrics.ts";
export type {
  AutoscalerVersion,
  HorizontalPodAutoscaler,
  MetricSpec,
  Scale,
} from "./controllers/autoscaling/horizontal-pod-autoscaler-types.ts";
export { type ControllerContext, Informers } from "./controllers/controller.ts";
export { BackOff } from "./kubelet/back-off.ts";
export { type CatalogueImage, createImageCatalogue, type ImageCatalogue } from "./kubelet/image-catalogue.ts";
export { Prober } from "./kubelet/prober.ts";
export type { Probe } from "./types.ts";
