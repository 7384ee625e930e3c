/** The HPA of a ScaledObject, made, changed and removed in the cluster (keda `controllers/keda/hpa.go`). */
import type { Logger } from "../../base/log.ts";
import { type KubernetesApi, RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import type { GroupVersionKindResource } from "../scale-target.ts";
import {
  COMPOSITE_METRIC,
  hpaNameOf,
  isScaleInPaused,
  isScaleOutPaused,
  type ScaledObject,
  usesModifiers,
} from "../scaled-object.ts";
import { changeStatus } from "../scaled-object-status.ts";
import type { ScaledObjectTriggers } from "../scaling/scaled-object-triggers.ts";
import { hpaDiffers, hpaFor, hpaMetrics, type MetricNames } from "./hpa.ts";

export interface HpaWorld {
  api: KubernetesApi;
  triggers: Pick<ScaledObjectTriggers, "metricSpecs">;
  /** KEDA's, for a label. */
  version: string;
}

/** Whether it was made now. @throws Error when a trigger can't be asked or the cluster refuses the HPA */
export async function ensureHpa(
  world: HpaWorld,
  object: ScaledObject,
  target: GroupVersionKindResource,
  log: Logger,
): Promise<boolean> {
  const name = hpaNameOf(object);
  const old = object.status?.hpaName;
  if (old !== undefined && old !== name) await deleteHpa(world.api, object, old, log);
  const found = await findHpa(world.api, object, name);
  if (found === undefined) await createHpa(world, object, target, log);
  else {
    try {
      await updateHpa(world, object, target, found, log);
    } catch (error) {
      log.error("failed to check HPA for possible update", { error });
      throw error;
    }
  }
  return found === undefined;
}

export async function deleteHpa(
  api: KubernetesApi,
  { metadata }: ScaledObject,
  name: string,
  log: Logger,
): Promise<void> {
  const { namespace } = metadata;
  try {
    await api.delete(RESOURCES.horizontalPodAutoscalers, { namespace, name });
    log.info("Deleting existing HPA", { "HPA.Namespace": namespace, "HPA.Name": name });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}

async function findHpa(
  api: KubernetesApi,
  { metadata }: ScaledObject,
  name: string,
): Promise<KubernetesObject | undefined> {
  try {
    return await api.get(RESOURCES.horizontalPodAutoscalers, { namespace: metadata.namespace, name });
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

const fieldsOf = (object: ScaledObject) => ({
  "HPA.Namespace": object.metadata.namespace,
  "HPA.Name": hpaNameOf(object),
});

async function createHpa(
  world: HpaWorld,
  object: ScaledObject,
  target: GroupVersionKindResource,
  log: Logger,
): Promise<void> {
  const fields = fieldsOf(object);
  log.info("Creating a new HPA", fields);
  const hpa = await wantedHpa(world, object, target, log);
  try {
    await world.api.create(RESOURCES.horizontalPodAutoscalers, hpa);
  } catch (error) {
    log.error("Failed to create new HPA in cluster", { ...fields, error });
    throw error;
  }
  await storeHpaName(world.api, object);
}

async function updateHpa(
  world: HpaWorld,
  object: ScaledObject,
  target: GroupVersionKindResource,
  found: KubernetesObject,
  log: Logger,
): Promise<void> {
  const fields = fieldsOf(object);
  const hpa = await wantedHpa(world, object, target, log);
  if (hpaDiffers(hpa, found)) {
    const { resourceVersion, uid } = found.metadata;
    const metadata = { ...hpa.metadata, resourceVersion, uid };
    try {
      await world.api.replace(RESOURCES.horizontalPodAutoscalers, { ...hpa, metadata });
    } catch (error) {
      log.error("Failed to update HPA", { ...fields, error });
      throw error;
    }
    log.info("Updated HPA according to ScaledObject", fields);
  }
  await storeHpaName(world.api, object);
}

async function wantedHpa(
  { api, triggers, version }: HpaWorld,
  object: ScaledObject,
  target: GroupVersionKindResource,
  log: Logger,
): Promise<KubernetesObject> {
  const fields = fieldsOf(object);
  const specs = await triggers.metricSpecs(object).catch((error) => {
    log.error("Error getting scalers", { error });
    log.error("Failed to create new HPA resource", { ...fields, error });
    throw error;
  });
  if (isScaleInPaused(object)) {
    log.info("Scale in paused by annotation, setting HPA Scale Down Select Behavior to Disabled", fields);
  }
  if (isScaleOutPaused(object)) {
    log.info("Scale out paused by annotation, setting HPA Scale Up Select Behavior to Disabled", fields);
  }
  const metrics = hpaMetrics(object, specs);
  // First: whoever sees the HPA may ask for its metrics at once, and a formula's are those that the status names.
  await storeNames(api, object, metrics.names);
  return hpaFor(object, target, metrics.specs, version);
}

async function storeHpaName(api: KubernetesApi, object: ScaledObject): Promise<void> {
  const hpaName = hpaNameOf(object);
  if (object.status?.hpaName !== hpaName)
    await changeStatus(api, object, (status) => ({ ...status, hpaName }));
}

async function storeNames(api: KubernetesApi, object: ScaledObject, names: MetricNames): Promise<void> {
  await changeStatus(api, object, ({ health = {}, ...status }) => {
    const kept = Object.entries(health).filter(([metric]) => names.external.includes(metric));
    return {
      ...status,
      externalMetricNames: names.external.length > 0 ? names.external : undefined,
      resourceMetricNames: names.resource.length > 0 ? names.resource : undefined,
      compositeScalerName: usesModifiers(object) ? COMPOSITE_METRIC : undefined,
      health: kept.length > 0 ? Object.fromEntries(kept) : undefined,
    };
  });
}
