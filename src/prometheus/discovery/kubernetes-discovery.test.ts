import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import type { FetchOptions, Network } from "../../base/network.ts";
import { DEFAULT_HTTP_CLIENT } from "../config/http-client-config.ts";
import { clusterOfKubeconfig } from "./kubeconfig.ts";
import { createKubernetesDiscovery } from "./kubernetes-discovery.ts";

test("createKubernetesDiscovery() asks as its section says: who it is, whom it trusts, by which proxy", async () => {
  const asked: { url: string; options: FetchOptions }[] = [];
  const abort = new AbortController();
  const network = {
    async fetch(url: string, options: FetchOptions) {
      asked.push({ url, options });
      abort.abort();
      throw new Error("nobody there");
    },
  } as unknown as Network;
  const discovery = await createKubernetesDiscovery(
    {
      ...DEFAULT_HTTP_CLIENT,
      role: "pod",
      api_server: "https://cluster.example:6443/",
      kubeconfig_file: "",
      basic_auth: { username: "u", password: "p" },
      tls_config: { insecure_skip_verify: true, cert: "C", key: "K", server_name: "other.example" },
      proxy_url: "http://proxy.example:3128",
    },
    { network, disk: systemDisk, clock: systemClock, env: {} } as never,
    silentLogger,
  );
  void discovery.run(() => {}, abort.signal);
  await new Promise<void>((resolve) => abort.signal.addEventListener("abort", () => resolve()));
  const [{ url, options }] = asked;
  assert.equal(url, "https://cluster.example:6443/api/v1/pods");
  assert.equal(options.headers?.authorization, `Basic ${Buffer.from("u:p").toString("base64")}`);
  assert.equal(options.insecure, true);
  assert.deepEqual(options.identity, { cert: "C", key: "K" });
  assert.equal(options.serverName, "other.example");
  assert.equal(options.proxy?.url, "http://proxy.example:3128");
});

const encoded = (text: string) => Buffer.from(text).toString("base64");

const KUBECONFIG = `
apiVersion: v1
kind: Config
current-context: second
contexts:
- {name: first, context: {cluster: one, user: token}}
- {name: second, context: {cluster: two, user: certificate}}
- {name: third, context: {cluster: one, user: program}}
- {name: fourth, context: {cluster: one, user: password}}
- {name: fifth, context: {cluster: nowhere, user: token}}
clusters:
- {name: one, cluster: {server: "https://one.example/", certificate-authority: ca.pem}}
- {name: two, cluster: {server: "https://two.example", certificate-authority-data: ${encoded("CA")}, proxy-url: "http://p"}}
users:
- {name: token, user: {token: t}}
- {name: certificate, user: {client-certificate-data: ${encoded("CERT")}, client-key: keys/k.pem, tokenFile: /t}}
- {name: program, user: {exec: {command: aws}}}
- {name: password, user: {username: u, password: p}}
`;

test("clusterOfKubeconfig() follows the current context", () => {
  const of = (context: string) =>
    clusterOfKubeconfig("/home/u/.kube/config", KUBECONFIG.replace("second", context));
  const second = of("second");
  assert.equal(second.server, "https://two.example");
  assert.equal(second.client.proxy_url, "http://p");
  assert.deepEqual(second.client.authorization, { type: "Bearer", credentials_file: "/t" });
  assert.equal(second.client.tls_config?.ca, "CA");
  assert.equal(second.client.tls_config?.cert, "CERT");
  assert.equal(second.client.tls_config?.key_file, "/home/u/.kube/keys/k.pem");
  const first = of("first");
  assert.equal(first.server, "https://one.example");
  assert.equal(first.client.tls_config?.ca_file, "/home/u/.kube/ca.pem");
  assert.equal(first.client.authorization?.credentials, "t");
  assert.deepEqual(of("fourth").client.basic_auth, { username: "u", password: "p" });
  assert.throws(() => of("third"), /users by exec are not supported/);
  assert.throws(() => of("fifth"), /cluster "nowhere" has no server/);
  assert.throws(() => of("sixth"), /context "sixth" does not exist/);
});
