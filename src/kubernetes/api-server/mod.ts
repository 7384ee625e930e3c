/**
 * The API server: kube-apiserver 1.35 and etcd in one, as far as kubectl, helm, client libraries, Prometheus and the
 * topology's own controllers use them.
 *
 * On purpose different from upstream: every request needs a token or a client's certificate (no
 * anonymous access); plain JSON is answered where protobuf was asked for, which every client takes; there is no
 * priority and fairness, and no audit log; claims in StatefulSets stay as they were sent.
 */
export { type ApiServer, type ApiServerOptions, createApiServer } from "./api-server.ts";
export { ClusterStore, type ClusterStoreOptions } from "./cluster-store.ts";
export { type KubeconfigOptions, kubeconfig } from "./kubeconfig.ts";
