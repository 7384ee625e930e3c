/** A kubeconfig as `topology up` writes it: one cluster, one user with a token. */
import { parse } from "yaml";
import type { Network } from "../../base/network.ts";
import type { KubernetesApi } from "../../model/kubernetes-api.ts";
import { createKubernetesClient } from "./client.ts";

interface Kubeconfig {
  clusters: { cluster: { server: string; "certificate-authority-data": string } }[];
  users: { user: { token: string } }[];
}

/** The API that a kubeconfig leads to. @param text the file's content */
export function clientOfKubeconfig(network: Network, text: string): KubernetesApi {
  const { clusters, users } = parse(text) as Kubeconfig;
  const { server, "certificate-authority-data": authority } = clusters[0].cluster;
  const { token } = users[0].user;
  const ca = Buffer.from(authority, "base64").toString();
  return createKubernetesClient({ network, server, ca, token: () => token });
}
