/** The client of a program that runs in a pod (client-go `rest.InClusterConfig`). */
import type { System } from "../../base/system.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import { createKubernetesClient } from "./client.ts";

export const SERVICE_ACCOUNT_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount";
/** The kubelet renews a token long before it ends; client-go looks once a minute. */
const TOKEN_MAX_AGE_MS = 60_000;

/** @throws Error outside of a pod. */
export async function createInClusterClient(
  system: Pick<System, "env" | "disk" | "network" | "clock">,
): Promise<KubernetesApi> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = system.env;
  if (host === undefined || port === undefined) {
    throw new Error(
      "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined",
    );
  }
  const read = async (name: string) =>
    new TextDecoder().decode(await system.disk.readFile(`${SERVICE_ACCOUNT_DIRECTORY}/${name}`)).trim();
  let token = await read("token");
  let readAtMs = system.clock.monotonic();
  return createKubernetesClient({
    network: system.network,
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    ca: await read("ca.crt"),
    async token() {
      if (system.clock.monotonic() - readAtMs > TOKEN_MAX_AGE_MS) {
        token = await read("token");
        readAtMs = system.clock.monotonic();
      }
      return token;
    },
  });
}

/** The namespace that the pod runs in. */
export async function inClusterNamespace(system: Pick<System, "disk">): Promise<string> {
  return new TextDecoder()
    .decode(await system.disk.readFile(`${SERVICE_ACCOUNT_DIRECTORY}/namespace`))
    .trim();
}
