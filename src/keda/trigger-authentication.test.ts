import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../base/log.ts";
import { RESOURCES } from "../model/kubernetes-api.ts";
import { notFound } from "../model/kubernetes-status.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { createMemoryCluster } from "../simulation/world/autoscaled-cluster.ts";
import { resolveContainerEnv } from "./container-env.ts";
import {
  CLUSTER_TRIGGER_AUTHENTICATIONS,
  type ResolverWorld,
  resolveAuthParams,
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
  await assert.rejects(resolveContainerEnv(resolver, { containers: [] }, undefined, "shop"), {
    message: "target object doesn't have containers",
  });
});

test("resolveContainerEnv() says what is missing, and leaves out what may be", async () => {
  const { resolver } = await world();
  const resolve = (container: object) =>
    resolveContainerEnv(resolver, { containers: [{ name: "main", ...container }] }, undefined, "shop");
  const other = "LocalObjectReference:LocalObjectReference{Name:other,}";
  const from = (source: object) => ({ envFrom: [source] });
  const of = (valueFrom: object) => ({ env: [{ name: "X", valueFrom }] });
  const cases: [container: object, expected: string][] = [
    [
      from({ configMapRef: { name: "other" } }),
      `error reading config ref &ConfigMapEnvSource{${other},Optional:nil,} on namespace shop/: configmaps "other" not found`,
    ],
    [
      from({ secretRef: { name: "other", optional: false } }),
      `error reading secret ref &SecretEnvSource{${other},Optional:*false,} on namespace shop: secrets "other" not found`,
    ],
    [
      of({ configMapKeyRef: { name: "other", key: "k" } }),
      `error resolving config &ConfigMapKeySelector{${other},Key:k,Optional:nil,} for env X in namespace shop`,
    ],
    [
      of({ secretKeyRef: { name: "other", key: "k", optional: false } }),
      `error resolving secret name &SecretKeySelector{${other},Key:k,Optional:*false,} for env X in namespace shop`,
    ],
  ];
  for (const [container, message] of cases) await assert.rejects(resolve(container), { message });
  const optional = { name: "other", key: "k", optional: true };
  for (const container of [
    from({ configMapRef: optional }),
    from({ secretRef: optional }),
    of({ configMapKeyRef: optional }),
    of({ secretKeyRef: optional }),
    of({ fieldRef: { fieldPath: "metadata.name" } }),
  ]) {
    assert.deepEqual(await resolve(container), {});
  }
});

test("resolveContainerEnv() follows references as upstream does: to what came before, not in the last characters", async () => {
  const { resolver } = await world();
  const cases: [value: string, expected: string][] = [
    ["$(A)", "a"],
    ["x$(A)$(B)y", "xabcy"],
    ["$$(A)", "$(A)"],
    ["$(nobody)", "$(nobody)"],
    ["$(A", "$(A"],
    ["$A and more", "$A and more"],
    ["$$ab", "$ab"],
    ["$$a", "$$a"],
    ["a$$", "a$$"],
    ["$(LATER)", "$(LATER)"],
  ];
  for (const [value, expected] of cases) {
    const env = [
      { name: "A", value: "a" },
      { name: "B", value: "bc" },
      { name: "V", value },
      { name: "LATER", value: "z" },
    ];
    const resolved = await resolveContainerEnv(
      resolver,
      { containers: [{ name: "main", env }] },
      "main",
      "shop",
    );
    assert.equal(resolved.V, expected);
  }
});

test("with restrictSecretAccess Secrets are those of the operator's namespace, and no container's", async () => {
  const { resolver, define } = await world();
  await define("secret", { secretTargetRef: [{ parameter: "p", name: "credentials", key: "token" }] });
  const containers = [
    {
      name: "main",
      envFrom: [{ secretRef: { name: "credentials" } }],
      env: [{ name: "T", valueFrom: { secretKeyRef: { name: "credentials", key: "token" } } }],
    },
  ];
  const cases: [restrictSecretAccess: boolean, namespace: string, param: string, env: object][] = [
    [false, "shop", "shop's", { token: "shop's", T: "shop's" }],
    [true, "shop", "keda's", {}],
    [true, "keda", "", { token: "keda's", T: "keda's" }],
  ];
  for (const [restrictSecretAccess, namespace, param, env] of cases) {
    const restricted = { ...resolver, restrictSecretAccess };
    const trigger = { type: "prometheus", metadata: {}, authenticationRef: { name: "secret" } };
    const params = await resolveAuthParams(restricted, trigger, namespace, undefined);
    assert.equal(params.p ?? "", param);
    assert.deepEqual(await resolveContainerEnv(restricted, { containers }, undefined, namespace), env);
  }
});
