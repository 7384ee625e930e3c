/** Says of every ScaledJob that nothing comes of it here: the kind is served, so that tools find it, and not scaled. */
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { GroupVersionResource, KubernetesApi } from "../../model/kubernetes-api.ts";
import type { EventRecorder } from "../../wire/kubernetes/event-recorder.ts";
import { objectKey, startInformer } from "../../wire/kubernetes/informer.ts";

export const SCALED_JOBS: GroupVersionResource = {
  group: "keda.sh",
  version: "v1alpha1",
  resource: "scaledjobs",
};

const MESSAGE = "ScaledJob is not supported by the embedded KEDA: no Job is made";

export interface ScaledJobRefusalOptions {
  api: KubernetesApi;
  clock: Clock;
  log: Logger;
  events: EventRecorder;
  signal: AbortSignal;
  /** @default all */
  namespace?: string;
}

/** Runs until the signal aborts. */
export function refuseScaledJobs({ namespace, events, log, ...options }: ScaledJobRefusalOptions): void {
  const { api } = options;
  startInformer({
    ...options,
    resource: SCALED_JOBS,
    select: namespace === undefined ? undefined : { namespace },
    onError: (error) => log.debug("watch of scaledjobs failed", { error }),
    onAdd: (job) => {
      const reason = "ScaledJobCheckFailed";
      log.error(MESSAGE, { ScaledJob: objectKey(job) });
      events.record(job, "Warning", reason, MESSAGE);
      const conditions = [{ type: "Ready", status: "False", reason, message: MESSAGE }];
      const key = { namespace: job.metadata.namespace, name: job.metadata.name, subresource: "status" };
      const patch = { type: "merge" as const, body: { status: { conditions } } };
      api.patch(SCALED_JOBS, key, patch).catch((error) => log.debug("ScaledJob status", { error }));
    },
  });
}
