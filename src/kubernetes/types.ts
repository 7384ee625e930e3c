/** The kinds that the controllers and the kubelet work with: the fields that they read and write. */

export type { Condition } from "./types/condition.ts";
export type { ConfigMap, Secret } from "./types/configuration.ts";
export type {
  Container,
  ContainerPort,
  ContainerState,
  ContainerStatus,
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  Handler,
  HttpGetAction,
  Probe,
  Resources,
  VolumeMount,
} from "./types/container.ts";
export type { ControllerRevision } from "./types/controller-revision.ts";
export type { DaemonSet } from "./types/daemon-set.ts";
export type { Deployment, ReplicaSet } from "./types/deployment.ts";
export type { CronJob, CronJobStatus, Job, JobStatus, PodFailureRule } from "./types/job.ts";
export type { Node, Taint } from "./types/node.ts";
export type { PersistentVolume, PersistentVolumeClaim } from "./types/persistent-volume.ts";
export type { Pod, PodSpec, PodStatus, PodTemplate } from "./types/pod.ts";
export type {
  Affinity,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from "./types/pod-placement.ts";
export type { Endpoint, EndpointPort, EndpointSlice, Service, ServicePort } from "./types/service.ts";
export type { StatefulSet, StatefulSetStatus } from "./types/stateful-set.ts";
export type { DownwardFile, KeyToPath, Volume, VolumeProjection } from "./types/volume.ts";
