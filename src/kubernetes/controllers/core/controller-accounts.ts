/**
 * The accounts of kube-controller-manager's controllers (`--use-service-account-credentials`, as kubeadm sets it). The
 * controllers here need none; programs that list accounts and roles find what a cluster has.
 */
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { ControllerContext } from "../controller.ts";
import { createIfMissing } from "./service-account.ts";

/** @param names `deployment-controller`, … */
export async function createControllerAccounts(
  { api }: Pick<ControllerContext, "api">,
  names: Iterable<string>,
): Promise<void> {
  for (const name of names) {
    const metadata = { name, namespace: "kube-system" };
    await createIfMissing({ api }, RESOURCES.serviceAccounts, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata,
    });
  }
}
