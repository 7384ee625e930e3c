import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../../base/log.ts";
import { bodyOf, type HttpRequest, readBody } from "../../../base/network.ts";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { MemoryDisk } from "../../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { createApiServer } from "../api-server.ts";
import { MAX_BODY_DEPTH, MAX_REQUEST_BYTES } from "./request-body.ts";

interface Ask {
  method?: string;
  headers?: Record<string, string | undefined>;
  body?: string | Uint8Array;
  token?: string;
}

interface Answer {
  status: number;
  headers: Record<string, string | string[]>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of any answer
  json: any;
}

async function newServer() {
  const clock = new VirtualClock(1_700_000_000_000);
  const network = {
    fetch: () => Promise.reject(new Error("no network")),
    serve: () => Promise.reject(new Error("no network")),
  };
  const server = await createApiServer({
    clock,
    random: seededRandom(5),
    disk: new MemoryDisk(),
    network,
    log: silentLogger,
    directory: "/data",
  });
  const ask = async (target: string, options: Ask = {}): Promise<Answer> => {
    const headers: Record<string, string> = {};
    const all = {
      host: "127.0.0.1:6443",
      authorization: `Bearer ${options.token ?? server.adminToken}`,
      ...options.headers,
    };
    for (const [name, value] of Object.entries(all)) if (value !== undefined) headers[name] = value;
    const request: HttpRequest = {
      method: options.method ?? "GET",
      target,
      headers,
      body: bodyOf(options.body),
      remoteAddress: "127.0.0.1",
      signal: new AbortController().signal,
    };
    const { status, headers: answered = {}, body } = await server.handler(request);
    const bytes =
      typeof body === "string" || body instanceof Uint8Array ? body : body && (await readBody(body));
    const text = typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes);
    return { status, headers: answered, text, json: text.startsWith("{") ? JSON.parse(text) : undefined };
  };
  return { server, clock, ask };
}

const PODS = "/api/v1/namespaces/default/pods";
const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const json = { "content-type": "application/json" };

test("the handler answers nobody without a good token", async () => {
  const { ask } = await newServer();
  const cases: [string, Record<string, string | undefined>][] = [
    ["no token", { authorization: undefined }],
    ["another token", { authorization: "Bearer 123" }],
    ["an empty token", { authorization: "Bearer " }],
    ["basic authentication", { authorization: "Basic YWRtaW46YWRtaW4=" }],
    ["a token that looks like ours", { authorization: "Bearer a.b.c" }],
    ["two tokens", { authorization: "Bearer a b" }],
  ];
  for (const path of ["/api", "/version", "/healthz", "/openapi/v2", PODS, "/apis/x/y/z"]) {
    for (const [name, headers] of cases)
      assert.equal((await ask(path, { headers })).status, 401, `${name} at ${path}`);
  }
});

test("the handler refuses web pages: rebinding, other origins, cross-site requests", async () => {
  const { ask } = await newServer();
  const cases: [Record<string, string>, number][] = [
    [{ host: "evil.example:6443" }, 403],
    [{ host: "127.0.0.1.evil.example" }, 403],
    [{ host: "" }, 403],
    [{ origin: "https://evil.example" }, 403],
    [{ origin: "null" }, 403],
    [{ "sec-fetch-site": "cross-site" }, 403],
    [{ origin: "https://127.0.0.1:6443" }, 200],
    [{ host: "localhost:6443" }, 200],
    [{ host: "kubernetes.default.svc" }, 200],
    [{ host: "127.90.0.1" }, 200],
  ];
  for (const [headers, status] of cases) {
    assert.equal((await ask(PODS, { headers })).status, status, JSON.stringify(headers));
  }
});

test("the handler refuses bodies that are too large, too deep or malformed", async () => {
  const { ask } = await newServer();
  const nested = (depth: number) =>
    `{"metadata":{"name":"a"},"data":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const cases: [name: string, options: Ask, status: number, message: RegExp][] = [
    [
      "too large by header",
      { headers: { "content-length": String(MAX_REQUEST_BYTES + 1) }, body: "{}" },
      413,
      /limit is 3145728/,
    ],
    ["too large", { body: `"${"x".repeat(MAX_REQUEST_BYTES)}"` }, 413, /limit is 3145728/],
    ["too deep", { body: nested(MAX_BODY_DEPTH + 1) }, 400, /nested deeper than 256/],
    ["much too deep", { body: nested(100_000) }, 400, /nested deeper|Maximum call stack/],
    ["no JSON", { body: "{" }, 400, /unrecognized/],
    ["no object", { body: "[]" }, 400, /must be of type ConfigMap/],
    ["no UTF-8", { body: Uint8Array.of(0x22, 0xff, 0x22) }, 400, /unrecognized/],
    ["nothing", {}, 400, /must be of type ConfigMap/],
    ["a prototype", { body: '{"metadata":{"name":"a"},"__proto__":{"polluted":1}}' }, 400, /__proto__/],
    [
      "a prototype, escaped",
      { body: '{"metadata":{"name":"a"},"data":{"\\u005f_proto__":"1"}}' },
      400,
      /__proto__/,
    ],
    [
      "another format",
      { headers: { "content-type": "text/html" }, body: "<p>" },
      415,
      /accepted media types/,
    ],
    [
      "bad protobuf",
      { headers: { "content-type": "application/vnd.kubernetes.protobuf" }, body: "k8s\0\x0a\xff" },
      400,
      /proto/,
    ],
    ["a YAML bomb", { headers: { "content-type": "application/yaml" }, body: yamlBomb() }, 400, /alias/i],
  ];
  for (const [name, options, status, message] of cases) {
    const answer = await ask(CONFIG_MAPS, {
      method: "POST",
      ...options,
      headers: { ...json, ...options.headers },
    });
    assert.equal(answer.status, status, `${name}: ${answer.text.slice(0, 200)}`);
    assert.match(answer.json.message, message, name);
  }
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

function yamlBomb(): string {
  const lines = ["a0: &a0 [x, x]"];
  for (let i = 1; i < 30; i++) lines.push(`a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`);
  return lines.join("\n");
}

test("the handler survives strange paths and methods", async () => {
  const { ask } = await newServer();
  const cases: [method: string, path: string, status: number][] = [
    ["GET", "/%zz", 400],
    ["GET", "/api/v1/namespaces/%2e%2e/pods", 200],
    ["GET", "/api/v1/__proto__", 404],
    ["GET", "/apis/constructor/v1/x", 404],
    ["GET", `${PODS}/__proto__`, 404],
    ["GET", `${PODS}/p/__proto__`, 404],
    ["BREW", PODS, 405],
    ["POST", "/api/v1/pods", 405],
    ["POST", `${PODS}/name`, 405],
    ["PUT", PODS, 405],
    ["GET", `${PODS}?labelSelector=a%3Db%3Dc`, 400],
    ["GET", `${PODS}?fieldSelector=spec.secret%3Dx`, 400],
    ["GET", `${PODS}?limit=x`, 400],
    ["GET", `${PODS}?limit=1&continue=nonsense`, 400],
    ["GET", "/nope", 404],
    ["POST", "/version", 405],
  ];
  for (const [method, path, status] of cases) {
    const answer = await ask(path, {
      method,
      headers: json,
      body: method === "GET" ? undefined : '{"metadata":{"name":"a"}}',
    });
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text.slice(0, 200)}`);
  }
});

test("service accounts may do what their roles say, and no more", async () => {
  const { server, ask } = await newServer();
  const { api } = server;
  const account = await api.create<KubernetesObject>(RESOURCES.serviceAccounts, {
    metadata: { name: "reader", namespace: "default" },
  });
  const rules = [
    { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] },
    { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
    { apiGroups: ["apps"], resources: ["*"], resourceNames: ["web"], verbs: ["get"] },
  ];
  await api.create(RESOURCES.roles, { metadata: { name: "reader", namespace: "default" }, rules } as never);
  await api.create(RESOURCES.roleBindings, {
    metadata: { name: "reader", namespace: "default" },
    roleRef: { kind: "Role", name: "reader" },
    subjects: [{ kind: "ServiceAccount", name: "reader", namespace: "default" }],
  } as never);
  const subject = { namespace: "default", serviceAccount: "reader", uid: account.metadata.uid! };
  const { token } = api.context.tokens!.issue(subject, 3600);
  const cases: [method: string, path: string, status: number][] = [
    ["GET", PODS, 200],
    ["GET", `${PODS}/x`, 404],
    ["GET", `${PODS}/x/log`, 503],
    ["DELETE", `${PODS}/x`, 403],
    ["GET", `${PODS}?watch=1`, 403],
    ["GET", "/api/v1/pods", 403],
    ["GET", "/api/v1/namespaces/kube-system/pods", 403],
    ["GET", "/api/v1/namespaces/default/secrets", 403],
    ["GET", "/apis/apps/v1/namespaces/default/deployments/web", 404],
    ["GET", "/apis/apps/v1/namespaces/default/deployments/other", 403],
    ["GET", "/apis", 200],
    ["GET", "/metrics", 403],
  ];
  for (const [method, path, status] of cases) {
    assert.equal((await ask(path, { method, token })).status, status, `${method} ${path}`);
  }
  const refused = await ask(`${PODS}/x`, { method: "DELETE", token });
  assert.equal(
    refused.json.message,
    'pods "x" is forbidden: User "system:serviceaccount:default:reader" cannot delete resource "pods" in API group "" ' +
      'in the namespace "default"',
  );
  const part = await ask("/apis/apps/v1/namespaces/default/deployments/other/scale", { token });
  assert.match(
    part.json.message,
    /^deployments\.apps "other" is forbidden: .* cannot get resource "deployments\/scale" in API group "apps"/,
  );
  const review = {
    // As kubectl 1.20 sends it.
    metadata: { creationTimestamp: null },
    spec: { resourceAttributes: { namespace: "default", verb: "list", resource: "pods" } },
  };
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const answered = await ask(path, { method: "POST", headers: json, body: JSON.stringify(review), token });
  assert.equal(answered.json.status.allowed, true);
});

test("who may view sees no Secrets", async () => {
  const { server, ask } = await newServer();
  const { api } = server;
  const metadata = { name: "viewer", namespace: "default" };
  const account = await api.create<KubernetesObject>(RESOURCES.serviceAccounts, { metadata });
  await api.create(RESOURCES.clusterRoleBindings, {
    metadata: { name: "viewer" },
    roleRef: { kind: "ClusterRole", name: "view" },
    subjects: [{ kind: "ServiceAccount", ...metadata }],
  } as never);
  const subject = { namespace: "default", serviceAccount: "viewer", uid: account.metadata.uid! };
  const { token } = api.context.tokens!.issue(subject, 3600);
  const cases: [path: string, status: number][] = [
    ["/api/v1/pods", 200],
    ["/api/v1/configmaps", 200],
    ["/apis/apps/v1/deployments", 200],
    ["/api/v1/secrets", 403],
    ["/api/v1/namespaces/default/secrets/x", 403],
    ["/apis/rbac.authorization.k8s.io/v1/clusterroles", 403],
  ];
  for (const [path, status] of cases) assert.equal((await ask(path, { token })).status, status, path);
});

test("a service account's token dies with its pod, its account and its time", async () => {
  const { server, clock, ask } = await newServer();
  const { api } = server;
  const make = (name: string) =>
    api.create<KubernetesObject>(RESOURCES.serviceAccounts, { metadata: { name, namespace: "default" } });
  const account = await make("a");
  const containers = [{ name: "c", image: "i" }];
  const pod = await api.create<KubernetesObject>(RESOURCES.pods, {
    metadata: { name: "p", namespace: "default" },
    spec: { containers },
  });
  const subject = { namespace: "default", serviceAccount: "a", uid: account.metadata.uid! };
  const tokens = api.context.tokens!;
  const bound = tokens.issue({ ...subject, pod: { name: "p", uid: pod.metadata.uid! } }, 3600).token;
  const free = tokens.issue(subject, 600).token;
  const status = async (token: string) => (await ask("/version", { token })).status;
  assert.deepEqual([await status(bound), await status(free)], [200, 200]);
  assert.equal(await status(`${free.slice(0, -4)}AAAA`), 401);
  await api.delete(RESOURCES.pods, { namespace: "default", name: "p" });
  assert.deepEqual([await status(bound), await status(free)], [401, 200]);
  await clock.advance(601_000);
  assert.equal(await status(free), 401);
  const later = tokens.issue(subject, 3600).token;
  assert.equal(await status(later), 200);
  await api.delete(RESOURCES.serviceAccounts, { namespace: "default", name: "a" });
  await make("a");
  assert.equal(await status(later), 401);
});

test("unknown fields are warned of by default, refused when strict, ignored when asked", async () => {
  const { ask } = await newServer();
  const body = JSON.stringify({ metadata: { name: "a" }, data: { x: "1" }, dato: 1, metaa: {} });
  const post = (mode: string) =>
    ask(`${CONFIG_MAPS}?dryRun=All${mode}`, { method: "POST", headers: json, body });
  const warned = await post("");
  assert.equal(warned.status, 201);
  assert.deepEqual(warned.headers.warning, [
    '299 - "unknown field \\"dato\\""',
    '299 - "unknown field \\"metaa\\""',
  ]);
  assert.equal(warned.json.dato, undefined);
  const strict = await post("&fieldValidation=Strict");
  assert.equal(strict.status, 400);
  assert.equal(
    strict.json.message,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dato", unknown field "metaa"',
  );
  const ignored = await post("&fieldValidation=Ignore");
  assert.deepEqual([ignored.status, ignored.headers.warning], [201, undefined]);
  assert.equal((await ask(`${CONFIG_MAPS}/a`)).status, 404);
});

test("lists come in pages that together are the whole", async () => {
  const { server, ask } = await newServer();
  for (let i = 0; i < 25; i++) {
    await server.api.create(RESOURCES.configMaps, {
      metadata: { name: `m${String(i).padStart(2, "0")}`, namespace: "default" },
    });
  }
  const names: string[] = [];
  let token = "";
  const versions = new Set<string>();
  do {
    const page = await ask(`${CONFIG_MAPS}?limit=10&continue=${token}`);
    names.push(...page.json.items.map((item: { metadata: { name: string } }) => item.metadata.name));
    assert.equal(page.json.metadata.remainingItemCount ?? 0, 25 - names.length);
    versions.add(page.json.metadata.resourceVersion);
    token = page.json.metadata.continue ?? "";
  } while (token !== "");
  assert.equal(names.length, 25);
  assert.deepEqual(names, [...names].sort());
  assert.equal(versions.size, 1);
});

test("discovery has both forms, and they agree", async () => {
  const { ask } = await newServer();
  const legacy = await ask("/apis");
  const type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const aggregated = await ask("/apis", { headers: { accept: `${type},application/json` } });
  assert.equal(aggregated.headers["content-type"], type);
  const groups = legacy.json.groups.map(({ name }: { name: string }) => name);
  assert.deepEqual(
    aggregated.json.items.map((item: { metadata: { name: string } }) => item.metadata.name),
    groups,
  );
  assert.ok(groups.includes("apps") && groups.includes("metrics.k8s.io"));
  const apps = await ask("/apis/apps/v1");
  const scale = apps.json.resources.find(({ name }: { name: string }) => name === "statefulsets/scale");
  assert.deepEqual([scale.group, scale.version, scale.kind], ["autoscaling", "v1", "Scale"]);
});
