import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../base/log.ts";
import { RESOURCES } from "../model/kubernetes-api.ts";
import { notFound } from "../model/kubernetes-status.ts";
import { createMemoryCluster } from "../simulation/autoscaled-cluster.ts";
import { VirtualClock } from "../simulation/virtual-clock.ts";
import {
  CLUSTER_TRIGGER_AUTHENTICATIONS,
  type ResolverWorld,
  resolveAuthParams,
  resolveContainerEnv,
  TRIGGER_AUTHENTICATIONS,
} from "./trigger-authentication.ts";

const encoded = (text: string) => Buffer.from(text).toString("base64");

/** Secrets in two namespaces, a ConfigMap, and authentications that name them. */
async function world() {
  const api = createMemoryCluster(new VirtualClock());
  for (const name of ["shop", "keda"]) {
    await api.create(RESOURCES.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
    const metadata = { name: "credentials", namespace: name };
    const data = { token: encoded(`${name}'s`) };
    await api.create(RESOURCES.secrets, { apiVersion: "v1", kind: "Secret", metadata, data });
  }
  await api.create(RESOURCES.configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings", namespace: "shop" },
    data: { user: "ada", host: "db" },
  });
  const define = async (name: string, spec: object) => {
    const common = { apiVersion: "keda.sh/v1alpha1", spec };
    const metadata = { name, namespace: "shop" };
    await api.create(TRIGGER_AUTHENTICATIONS, { ...common, kind: "TriggerAuthentication", metadata });
    const kind = "ClusterTriggerAuthentication";
    await api.create(CLUSTER_TRIGGER_AUTHENTICATIONS, { ...common, kind, metadata: { name } });
  };
  const resolver: ResolverWorld = { api, log: silentLogger, operatorNamespace: "keda" };
  const podSpec = {
    containers: [
      { name: "main", env: [{ name: "USER", value: "grace" }] },
      { name: "sidecar", env: [{ name: "USER", value: "alan" }] },
    ],
  };
  const params = (authenticationRef?: { name: string; kind?: string }) =>
    resolveAuthParams(resolver, { type: "prometheus", metadata: {}, authenticationRef }, "shop", podSpec);
  return { resolver, define, params };
}

test("resolveAuthParams() reads Secrets, ConfigMaps and the target's environment", async () => {
  const secret = (key: string, name = "credentials") => ({
    secretTargetRef: [{ parameter: "p", name, key }],
  });
  const cases: [name: string, spec: object, expected: Record<string, string>][] = [
    ["a secret", secret("token"), { p: "shop's" }],
    ["a key that isn't there", secret("other"), { p: "" }],
    ["a secret that isn't there", secret("token", "other"), { p: "" }],
    ["a setting", { configMapTargetRef: [{ parameter: "p", name: "settings", key: "user" }] }, { p: "ada" }],
    ["the first container's environment", { env: [{ parameter: "p", name: "USER" }] }, { p: "grace" }],
    [
      "a named container's",
      { env: [{ parameter: "p", name: "USER", containerName: "sidecar" }] },
      { p: "alan" },
    ],
    ["an unknown container's", { env: [{ parameter: "p", name: "USER", containerName: "x" }] }, { p: "" }],
    ["no identity", { ...secret("token"), podIdentity: { provider: "none" } }, { p: "shop's" }],
  ];
  for (const [name, spec, expected] of cases) {
    const { define, params } = await world();
    await define("auth", spec);
    assert.deepEqual(await params({ name: "auth" }), expected, name);
  }
  const { define, params } = await world();
  await define("auth", secret("token"));
  assert.deepEqual(await params({ name: "auth", kind: "ClusterTriggerAuthentication" }), { p: "keda's" });
  assert.deepEqual(await params(), {});
  assert.deepEqual(await params({ name: "other" }), {});
  assert.deepEqual(await params({ name: "auth", kind: "Other" }), {});
});

test("resolveAuthParams() refuses what it can't read, rather than leave it out", async () => {
  const cases: [spec: object, message: string][] = [
    [
      { hashiCorpVault: { address: "http://vault" } },
      "hashiCorpVault of TriggerAuthentication auth is not supported by the embedded KEDA",
    ],
    [{ podIdentity: { provider: "aws" } }, "pod identity provider aws is not supported by the embedded KEDA"],
  ];
  for (const [spec, message] of cases) {
    const { define, params } = await world();
    await define("auth", spec);
    await assert.rejects(params({ name: "auth" }), { message });
  }
});

test("resolveAuthParams() asks for a token of the named ServiceAccount", async () => {
  const { define, params, resolver } = await world();
  const create = resolver.api.create.bind(resolver.api);
  const asked: unknown[] = [];
  resolver.api.create = async (resource, object, options) => {
    if (options?.subresource !== "token") return create(resource, object, options);
    const { metadata, spec } = object;
    asked.push({ resource: resource.resource, metadata, spec });
    if (metadata.name !== "reader") throw notFound(resource, metadata.name);
    return { ...object, status: { token: "secret" } };
  };
  await define("auth", {
    boundServiceAccountToken: [
      { parameter: "token", serviceAccountName: "reader" },
      { parameter: "other", serviceAccountName: "nobody" },
    ],
  });
  assert.deepEqual(await params({ name: "auth" }), { token: "secret", other: "" });
  assert.deepEqual(asked[0], {
    resource: "serviceaccounts",
    metadata: { namespace: "shop", name: "reader" },
    spec: { expirationSeconds: 3600 },
  });
});

test("resolveAuthParams() reads a file of the operator's, for ClusterTriggerAuthentications only", async () => {
  const { define, params, resolver } = await world();
  await define("auth", { filePath: "prometheus.json" });
  const cluster = { name: "auth", kind: "ClusterTriggerAuthentication" };
  await assert.rejects(params(cluster), { message: "filepath-auth-root-path not configured" });
  const read: string[] = [];
  let text = '{"bearerToken": "abc"}';
  resolver.readAuthFile = async (path) => {
    read.push(path);
    return text;
  };
  assert.deepEqual(await params(cluster), { bearerToken: "abc" });
  assert.deepEqual(read, ["prometheus.json"]);
  await assert.rejects(params({ name: "auth" }), {
    message: "filePath is only supported for ClusterTriggerAuthentication, got kind: TriggerAuthentication",
  });
  text = '{"bearerToken": 1}';
  await assert.rejects(params(cluster), {
    message: /^failed to read auth file prometheus\.json: json: cannot/,
  });
  for (const path of ["/etc/passwd", "../secret"]) {
    const other = await world();
    other.resolver.readAuthFile = resolver.readAuthFile;
    await other.define("auth", { filePath: path });
    await assert.rejects(other.params(cluster), {
      message: "filePath must be relative and not contain '..'",
    });
  }
});

test("resolveContainerEnv() knows what a container would see", async () => {
  const { resolver } = await world();
  const resolve = (container: object) =>
    resolveContainerEnv(resolver, { containers: [{ name: "main", ...container }] }, undefined, "shop");
  const env = await resolve({
    envFrom: [{ prefix: "DB_", configMapRef: { name: "settings" } }, { secretRef: { name: "credentials" } }],
    env: [
      { name: "URL", value: "http://$(DB_host)/$$/$(unknown)" },
      { name: "COPY", valueFrom: { configMapKeyRef: { name: "settings", key: "user" } } },
      { name: "MAYBE", valueFrom: { secretKeyRef: { name: "other", key: "x", optional: true } } },
      { name: "EMPTY" },
    ],
  });
  assert.deepEqual(env, {
    DB_user: "ada",
    DB_host: "db",
    token: "shop's",
    URL: "http://db/$/$(unknown)",
    COPY: "ada",
    EMPTY: "",
  });
  const missing = { envFrom: [{ configMapRef: { name: "other" } }] };
  await assert.rejects(resolve(missing), { message: "error reading config ref other on namespace shop" });
  await assert.rejects(resolveContainerEnv(resolver, { containers: [] }, undefined, "shop"), {
    message: "target object doesn't have containers",
  });
});
