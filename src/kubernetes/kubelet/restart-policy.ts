/** Whether a container that has ended is started again (Kubernetes 1.35 `podutil.ContainerShouldRestart`). */
import type { Container, PodSpec } from "../types.ts";

/** The container's own rules first, then its own policy, then the pod's. */
export function containerRestarts(container: Container, pod: PodSpec, exitCode: number): boolean {
  const { restartPolicy, restartPolicyRules = [] } = container;
  if (restartPolicy === undefined) return byPolicy(pod.restartPolicy ?? "Always", exitCode);
  const restarted = restartPolicyRules.some(({ action, exitCodes }) => {
    if (action !== "Restart" || exitCodes === undefined) return false;
    const named = (exitCodes.values ?? []).includes(exitCode);
    return exitCodes.operator === "In" ? named : !named;
  });
  return restarted || byPolicy(restartPolicy, exitCode);
}

function byPolicy(policy: string, exitCode: number): boolean {
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}
