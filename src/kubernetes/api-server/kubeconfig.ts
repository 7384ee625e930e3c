/** The text of a kubeconfig for one cluster and one user. */

export interface KubeconfigOptions {
  /** `https://127.0.0.1:6443`. */
  server: string;
  /** PEM. */
  ca: string;
  token: string;
  /** @default "percolate-topology" */
  clusterName?: string;
  /** The namespace of commands that name none. @default "default" */
  namespace?: string;
}

/** Holds the token: to be written with mode 0600. */
export function kubeconfig(options: KubeconfigOptions): string {
  const { server, ca, token, clusterName = "percolate-topology", namespace } = options;
  return `apiVersion: v1
kind: Config
clusters:
- name: ${clusterName}
  cluster:
    server: ${server}
    certificate-authority-data: ${Buffer.from(ca).toString("base64")}
contexts:
- name: ${clusterName}
  context:
    cluster: ${clusterName}
    user: ${clusterName}-admin${namespace === undefined ? "" : `\n    namespace: ${namespace}`}
current-context: ${clusterName}
users:
- name: ${clusterName}-admin
  user:
    token: ${token}
`;
}
