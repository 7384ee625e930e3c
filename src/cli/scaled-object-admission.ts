/** Whether the API server would take a ScaledObject: the types of its fields, and fields that there are not. */
import type { Machine } from "../base/machine.ts";
import { PACKAGE_ROOT } from "../base/program-files.ts";
import { SCALED_OBJECTS } from "../keda/mod.ts";
import { ClusterStore } from "../kubernetes/mod.ts";
import { RESOURCES } from "../model/kubernetes-api.ts";
import type { KubernetesObject } from "../model/kubernetes-object.ts";
import { isStatus } from "../model/kubernetes-status.ts";
import { parseManifests } from "./manifests.ts";

/** Where the definitions of KEDA's kinds are. */
const DEFINITIONS = `${PACKAGE_ROOT}/k8s/test-topology/embedded/keda.yaml`;
const NAMESPACE = "default";

/** Answers why it is refused, undefined where it is not: with KEDA's definitions, as `kubectl apply` has it. */
export async function scaledObjectAdmission({
  disk,
  clock,
  random,
}: Pick<Machine, "disk" | "clock" | "random">): Promise<
  (object: KubernetesObject) => Promise<string | undefined>
> {
  const store = new ClusterStore({ clock, random });
  const definitions = new TextDecoder().decode(await disk.readFile(DEFINITIONS));
  for (const { object } of parseManifests(definitions, DEFINITIONS)) {
    if (object.kind === "CustomResourceDefinition")
      await store.create(RESOURCES.customResourceDefinitions, object);
  }
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } };
  await store.create(RESOURCES.namespaces, namespace);
  return async (object) => {
    const tried = structuredClone(object);
    tried.metadata.namespace = NAMESPACE;
    try {
      await store.create(SCALED_OBJECTS, tried, { fieldValidation: "Strict", dryRun: true });
      return undefined;
    } catch (error) {
      if (!isStatus(error)) throw error;
      return error.message;
    }
  };
}
