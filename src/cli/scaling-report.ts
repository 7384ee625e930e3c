/** The running commentary of `up`: replica counts that change, and the events that say why. */
import type { Clock } from "../base/clock.ts";
import { untilAborted } from "../base/until-aborted.ts";
import { type KubernetesApi, RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { startInformer } from "../wire/kubernetes/informer.ts";

/** The events worth a line; all others are in `kubectl get events`. */
const TOLD_EVENTS = new Set([
  "SuccessfulRescale",
  "KEDAScaleTargetActivated",
  "KEDAScaleTargetDeactivated",
  "KEDAScalerFailed",
  "ScaledObjectFallbackActivated",
  "BackOff",
  "Unhealthy",
  "FailedScheduling",
]);

/** Tells until the signal aborts. */
export async function reportScaling(
  api: KubernetesApi,
  clock: Clock,
  signal: AbortSignal,
  print: (text: string) => void,
): Promise<void> {
  const tell = (line: string) => print(`${new Date(clock.now()).toISOString().slice(11, 19)}  ${line}\n`);
  let started = false;
  const informers = [
    startInformer({
      api,
      clock,
      signal,
      resource: RESOURCES.statefulSets,
      onUpdate: (now, before) => tellReplicas(tell, "statefulset", now, before),
    }),
    startInformer({
      api,
      clock,
      signal,
      resource: RESOURCES.deployments,
      onUpdate: (now, before) => tellReplicas(tell, "deployment", now, before),
    }),
    startInformer({
      api,
      clock,
      signal,
      resource: RESOURCES.events,
      onAdd: (event) => started && tellEvent(tell, event),
      onUpdate: (event) => tellEvent(tell, event),
    }),
  ];
  // What happened before is no news.
  void Promise.all(informers.map(({ synced }) => synced)).then(() => {
    started = true;
  });
  // Not after the lists are there: who stops before that would wait for lists that nobody asks for any more.
  await untilAborted(signal);
}

function tellReplicas(
  tell: (line: string) => void,
  kind: string,
  now: KubernetesObject,
  before: KubernetesObject,
): void {
  const name = `${kind}/${now.metadata.name}`;
  if (now.spec.replicas !== before.spec.replicas)
    tell(`${name}: ${before.spec.replicas} → ${now.spec.replicas} replicas`);
  const ready = now.status?.readyReplicas ?? 0;
  if (ready !== (before.status?.readyReplicas ?? 0)) tell(`${name}: ${ready} of ${now.spec.replicas} ready`);
}

function tellEvent(tell: (line: string) => void, event: KubernetesObject): void {
  const { reason, message, involvedObject } = event as KubernetesObject & {
    reason: string;
    message: string;
    involvedObject: { kind: string; name: string };
  };
  if (!TOLD_EVENTS.has(reason)) return;
  // The selector that upstream prints as a Go value is the autoscaler's own: it says nothing to a reader.
  const readable = message.replace(/\(&LabelSelector\{.*?\},?\}\)/s, "");
  tell(`${involvedObject.kind.toLowerCase()}/${involvedObject.name}: ${reason}: ${readable}`);
}
