/** Pods whose Job is gone, or belong to none: nobody will count them, so nothing may keep them (`syncOrphanPod`). */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { objectKey } from "../../../wire/kubernetes/informer.ts";
import type { Job, Pod } from "../../types.ts";
import { type ControllerContext, getIfExists, splitKey, startController } from "../controller.ts";
import { isTracked, TRACKING_FINALIZER } from "./job-pods.ts";

export function startJobPodRelease(context: ControllerContext): void {
  const { api, informers } = context;
  const pods = informers.of<Pod>(RESOURCES.pods);
  const jobs = informers.of<Job>(RESOURCES.jobs);
  const ownerOf = ({ metadata }: Pod) => metadata.ownerReferences?.find(({ controller }) => controller);
  const controller = startController({
    context,
    name: "job-controller",
    workers: 1,
    async reconcile(key) {
      const pod = await getIfExists<Pod>(api, RESOURCES.pods, splitKey(key));
      if (pod === undefined || !isTracked(pod)) return;
      const owner = ownerOf(pod);
      if (owner?.kind === "Job") {
        const job = await getIfExists<Job>(api, RESOURCES.jobs, {
          namespace: pod.metadata.namespace,
          name: owner.name,
        });
        // Its own pass counts the pod first.
        if (job?.metadata.uid === owner.uid) return;
      }
      await withoutFinalizer(context, pod);
    },
  });
  controller.watchMapped<Pod>(RESOURCES.pods, (pod) => {
    if (!isTracked(pod)) return [];
    const owner = ownerOf(pod);
    const job = owner?.kind === "Job" && jobs.objects.get(`${pod.metadata.namespace}/${owner.name}`);
    return job && job.metadata.uid === owner?.uid ? [] : [objectKey(pod)];
  });
  controller.watchMapped<Job>(RESOURCES.jobs, (job, previous) => {
    if (job !== previous) return [];
    const its = (pod: Pod) => isTracked(pod) && ownerOf(pod)?.uid === job.metadata.uid;
    return [...pods.objects.values()].filter(its).map(objectKey);
  });
}

/** Takes the Job's finalizer off a pod, if it is there. */
export async function withoutFinalizer({ api }: ControllerContext, pod: Pod): Promise<void> {
  if (!isTracked(pod)) return;
  const { namespace, name, uid } = pod.metadata;
  const finalizers = pod.metadata.finalizers!.filter((each) => each !== TRACKING_FINALIZER);
  const body = { metadata: { uid, finalizers: finalizers.length === 0 ? null : finalizers } };
  try {
    await api.patch(RESOURCES.pods, { namespace, name }, { type: "merge", body });
  } catch (error) {
    if (!isStatus(error, "NotFound", "Conflict")) throw error;
  }
}
