import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import { silentLogger } from "../../../base/log.ts";
import { bodyOf, readBody } from "../../../base/network.ts";
import { seededRandom } from "../../../base/random.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { MemoryDisk } from "../../../simulation/virtual/memory-disk.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { createApiServer } from "../api-server.ts";

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const PODS_ARE_KEPT =
  '299 - "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them ' +
  'or set propagationPolicy=Orphan to suppress this warning"';
const PODS = "/api/v1/namespaces/default/pods";

async function newServer() {
  const refuse = () => Promise.reject(new Error("no network"));
  const server = await createApiServer({
    clock: new VirtualClock(1_700_000_000_000),
    random: seededRandom(7),
    disk: new MemoryDisk(),
    network: { fetch: refuse, serve: refuse },
    log: silentLogger,
    directory: "/data",
  });
  return async (method: string, target: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await server.handler({
      method,
      target,
      headers: {
        host: "127.0.0.1:6443",
        authorization: `Bearer ${server.adminToken}`,
        "content-type": "application/json",
        ...headers,
      },
      body: bodyOf(typeof body === "string" || body === undefined ? body : JSON.stringify(body)),
      remoteAddress: "127.0.0.1",
      signal: new AbortController().signal,
    });
    const { body: sent } = response;
    const bytes =
      typeof sent === "string" || sent instanceof Uint8Array ? sent : sent && (await readBody(sent));
    const text = typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes);
    return { status: response.status, headers: response.headers ?? {}, text };
  };
}

test("items of a list of a built-in kind do not say their kind, an object does", async () => {
  const ask = await newServer();
  await ask("POST", CONFIG_MAPS, { metadata: { name: "a" } });
  const list = JSON.parse((await ask("GET", CONFIG_MAPS)).text);
  assert.deepEqual(
    [list.kind, list.items[0].kind, list.items[0].apiVersion],
    ["ConfigMapList", undefined, undefined],
  );
  assert.equal(JSON.parse((await ask("GET", `${CONFIG_MAPS}/a`)).text).kind, "ConfigMap");
  const removed = JSON.parse((await ask("DELETE", CONFIG_MAPS)).text);
  assert.deepEqual([removed.items[0].metadata.name, removed.items[0].kind], ["a", undefined]);
});

test("warnings are given with refusals, too", async () => {
  const ask = await newServer();
  const pod = {
    metadata: { name: "p" },
    spec: { containers: [{ name: "c", image: "i", env: [{ name: "A" }, { name: "A" }] }] },
  };
  assert.equal((await ask("POST", PODS, pod)).status, 201);
  const again = await ask("POST", PODS, pod);
  assert.equal(again.status, 409);
  assert.match(String(again.headers.warning), /hides previous definition/);
  const unknown = await ask("POST", `${PODS}?fieldValidation=Warn`, {
    metadata: { name: "q" },
    spec: {},
    nope: 1,
  });
  assert.equal(unknown.status, 422);
  assert.match(String(unknown.headers.warning), /unknown field \\"nope\\"/);
});

test("values of the wrong type are told by Go's path: no indexes, embedded structs, Go's names of types", async () => {
  const ask = await newServer();
  const container = (extra: object) => ({
    metadata: { name: "p" },
    spec: { containers: [{ name: "c", image: "i", ...extra }] },
  });
  const cases: [object, string][] = [
    [
      container({ ports: [{ containerPort: "80" }] }),
      "string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
    ],
    [
      container({ livenessProbe: { httpGet: 1 } }),
      "number into Go struct field Probe.spec.containers.livenessProbe.ProbeHandler.httpGet of type v1.HTTPGetAction",
    ],
    [
      container({ resources: { limits: "x" } }),
      "string into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
    ],
    [
      container({ securityContext: { capabilities: { add: [1] } } }),
      "number into Go struct field Capabilities.spec.containers.securityContext.capabilities.add of type v1.Capability",
    ],
    [{ metadata: "x" }, "string into Go struct field Pod.metadata of type v1.ObjectMeta"],
  ];
  for (const [pod, problem] of cases) {
    const { status, text } = await ask("POST", PODS, pod);
    assert.equal(status, 400);
    const wanted = `Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal ${problem}`;
    assert.equal(JSON.parse(text).message, wanted);
  }
  const nulls = await ask("POST", PODS, container({ args: [null], env: null }));
  assert.deepEqual(JSON.parse(nulls.text).spec.containers[0].args, [""]);
});

test("YAML is that of Go's package: yes is true, and what looks like a time is quoted", async () => {
  const ask = await newServer();
  const yaml = { "content-type": "application/yaml" };
  const refused = await ask("POST", CONFIG_MAPS, "metadata: {name: a}\ndata: {on: yes}\n", yaml);
  assert.match(refused.text, /cannot unmarshal bool into Go struct field ConfigMap.data of type string/);
  assert.equal(
    (await ask("POST", CONFIG_MAPS, "metadata: {name: a}\ndata: {t: 1:30, d: 2026-01-01}\n", yaml)).status,
    201,
  );
  const { text } = await ask("GET", `${CONFIG_MAPS}/a`, undefined, { accept: "application/yaml" });
  assert.match(text, /t: "1:30"/);
  assert.match(text, /creationTimestamp: "2023-11-14T22:13:20Z"/);
});

test("the server answers where upstream has paths of old, and about its health", async () => {
  const ask = await newServer();
  assert.equal((await ask("HEAD", CONFIG_MAPS)).status, 405);
  assert.equal(
    (await ask("GET", "/livez?verbose")).text,
    "[+]ping ok\n[+]log ok\n[+]etcd ok\nlivez check passed\n",
  );
  assert.equal((await ask("GET", "/readyz/ping")).text, "ok");
  assert.equal((await ask("GET", "/readyz/nope")).status, 404);
  const { paths } = JSON.parse((await ask("GET", "/")).text);
  assert.ok(paths.includes("/apis/apps/v1") && paths.includes("/readyz/ping"));
  const bad = await ask("GET", `${CONFIG_MAPS}?watch=1&resourceVersion=x`);
  assert.equal(bad.status, 500);
  const components = await ask("GET", "/api/v1/componentstatuses");
  assert.match(String(components.headers.warning), /v1 ComponentStatus is deprecated in v1.19\+/);
  assert.equal((await ask("POST", "/api/v1/componentstatuses", { metadata: { name: "x" } })).status, 405);
});

test("a path that there is not is told apart from a method that it does not have", async () => {
  const ask = await newServer();
  const codes = async (...requests: [string, string][]) => {
    const found: [number, string][] = [];
    for (const [method, target] of requests) {
      const { status, text } = await ask(method, target, method === "GET" ? undefined : {});
      found.push([status, text.startsWith("{") ? JSON.parse(text).reason : text.trim()]);
    }
    return found;
  };
  const missing = [404, "NotFound"];
  assert.deepEqual(
    await codes(
      ["PUT", "/apis/apps/v2"],
      ["GET", "/api/v2"],
      ["POST", `${PODS}/x/nonsense`],
      ["GET", "/api/v1/pods/x"],
      ["GET", "/api/v1/namespaces/default/nodes"],
    ),
    Array(5).fill(missing),
  );
  assert.deepEqual(
    await codes(["PUT", `${PODS}/x/eviction`], ["DELETE", `${PODS}/x/log`], ["POST", "/api/v1"]),
    Array(3).fill([405, "MethodNotAllowed"]),
  );
  assert.deepEqual(
    await codes(["POST", "/nowhere"], ["GET", "/apis/a.b/v1"]),
    Array(2).fill([404, "404 page not found"]),
  );
  assert.equal((await ask("POST", "/healthz", {})).text, "ok");
});

test("objects and lists are shown as their metadata, in the version that is asked for", async () => {
  const ask = await newServer();
  await ask("POST", CONFIG_MAPS, { metadata: { name: "a" }, data: { k: "v" } });
  const accept = (kind: string, version = "v1") => ({
    accept: `application/json;as=${kind};g=meta.k8s.io;v=${version}`,
  });
  const one = JSON.parse(
    (await ask("GET", `${CONFIG_MAPS}/a`, undefined, accept("PartialObjectMetadata"))).text,
  );
  assert.deepEqual([one.apiVersion, one.metadata.name, one.data], ["meta.k8s.io/v1", "a", undefined]);
  const old = accept("PartialObjectMetadataList", "v1beta1");
  const list = JSON.parse((await ask("GET", CONFIG_MAPS, undefined, old)).text);
  assert.deepEqual(
    [list.kind, list.items[0].apiVersion],
    ["PartialObjectMetadataList", "meta.k8s.io/v1beta1"],
  );
  const table = JSON.parse((await ask("GET", CONFIG_MAPS, undefined, accept("Table", "v1beta1"))).text);
  assert.deepEqual([table.kind, table.apiVersion], ["Table", "meta.k8s.io/v1beta1"]);
  const wrong = await ask("GET", CONFIG_MAPS, undefined, accept("PartialObjectMetadata"));
  assert.equal(wrong.status, 406);
  assert.match(wrong.text, /requested object is a list \(\*core\.ConfigMapList\)/);
});

test("a deletion with a body goes by that, not by its parameters", async () => {
  const ask = await newServer();
  await ask("POST", CONFIG_MAPS, { metadata: { name: "a" } });
  await ask("DELETE", `${CONFIG_MAPS}/a?dryRun=All`);
  assert.equal((await ask("GET", `${CONFIG_MAPS}/a`)).status, 200);
  await ask("DELETE", `${CONFIG_MAPS}/a?dryRun=All`, { propagationPolicy: "Background" });
  assert.equal((await ask("GET", `${CONFIG_MAPS}/a`)).status, 404);
});

test("without a policy the pods of a ReplicationController and of a Job stay; a Job's deletion warns of it", async () => {
  const ask = await newServer();
  const template = {
    metadata: { labels: { a: "b" } },
    spec: { containers: [{ name: "c", image: "i" }], restartPolicy: "Never" },
  };
  const always = { ...template, spec: { ...template.spec, restartPolicy: "Always" } };
  const controllers = "/api/v1/namespaces/default/replicationcontrollers";
  const sets = "/apis/apps/v1/namespaces/default/replicasets";
  const jobs = "/apis/batch/v1/namespaces/default/jobs";
  for (const [path, spec, kept] of [
    [controllers, { selector: { a: "b" }, template: always }, ["orphan"]],
    [sets, { selector: { matchLabels: { a: "b" } }, template: always }, undefined],
    [jobs, { template }, ["orphan"]],
  ] as const) {
    const finalizersAfter = async (query: string, finalizers?: string[]) => {
      const name = query === "" ? "a" : "b";
      await ask("POST", path, { metadata: { name, finalizers }, spec });
      const gone = await ask("DELETE", `${path}/${name}${query}`);
      const { metadata } = JSON.parse(gone.text);
      return [metadata.finalizers, gone.headers.warning];
    };
    const warning = path === jobs ? [PODS_ARE_KEPT] : undefined;
    assert.deepEqual(await finalizersAfter(""), [kept, warning], path);
    assert.deepEqual(await finalizersAfter("?propagationPolicy=Background"), [undefined, undefined], path);
  }
  await ask("POST", controllers, {
    metadata: { name: "c", finalizers: ["foregroundDeletion"] },
    spec: { selector: { a: "b" }, template: always },
  });
  const { metadata } = JSON.parse((await ask("DELETE", `${controllers}/c`)).text);
  assert.deepEqual(metadata.finalizers, ["foregroundDeletion"]);
});

test("access reviews are answered with their kind, or refused", async () => {
  const ask = await newServer();
  const reviews = "/apis/authorization.k8s.io/v1";
  const may = { verb: "get", resource: "pods", namespace: "default" };
  const review = async (path: string, spec: object) => JSON.parse((await ask("POST", path, { spec })).text);
  const self = await review(`${reviews}/selfsubjectaccessreviews`, { resourceAttributes: may });
  assert.deepEqual([self.kind, self.status.allowed], ["SelfSubjectAccessReview", true]);
  const refused = async (path: string, spec: object) => (await review(path, spec)).message;
  assert.match(
    await refused(`${reviews}/selfsubjectaccessreviews`, {}),
    /exactly one of nonResourceAttributes or/,
  );
  assert.match(
    await refused(`${reviews}/subjectaccessreviews`, { resourceAttributes: may }),
    /^\.authorization\.k8s\.io "" is invalid: spec\.user: Invalid value: "": at least one of user or group/,
  );
  assert.match(
    await refused(`${reviews}/namespaces/other/localsubjectaccessreviews`, {
      user: "u",
      resourceAttributes: may,
    }),
    /spec\.resourceAttributes\.namespace: Invalid value: "default": must match metadata\.namespace/,
  );
  assert.match(await refused("/apis/authentication.k8s.io/v1/tokenreviews", {}), /^token is required/);
});

test("what is asked for besides a user needs one to impersonate", async () => {
  const ask = await newServer();
  const nobody = await ask("GET", CONFIG_MAPS, undefined, { "impersonate-group": "g" });
  assert.equal(nobody.status, 400);
  assert.match(nobody.text, /requested \[\{Group {2}g {4}\}\] without impersonating a user/);
  const headers = { "impersonate-user": "u", "impersonate-uid": "1", "impersonate-extra-team": "a" };
  const { text } = await ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, headers);
  const { userInfo } = JSON.parse(text).status;
  assert.deepEqual([userInfo.uid, userInfo.extra], ["1", { team: ["a"] }]);
});

test("tokens can be checked with the published key", async () => {
  const ask = await newServer();
  const configuration = JSON.parse((await ask("GET", "/.well-known/openid-configuration")).text);
  assert.match(configuration.jwks_uri, /\/openid\/v1\/jwks$/);
  assert.equal((await ask("GET", "/openid/v1/jwks", undefined, { accept: "application/json" })).status, 406);
  const { keys } = JSON.parse((await ask("GET", "/openid/v1/jwks")).text);
  const account = "/api/v1/namespaces/default/serviceaccounts";
  await ask("POST", account, { metadata: { name: "robot" } });
  const { token } = JSON.parse((await ask("POST", `${account}/robot/token`, { spec: {} })).text).status;
  const [header, payload, signature] = token.split(".");
  assert.equal(JSON.parse(Buffer.from(header, "base64url").toString()).kid, keys[0].kid);
  const key = createPublicKey({ key: keys[0], format: "jwk" });
  const signed = Buffer.from(`${header}.${payload}`);
  const bytes = Buffer.from(signature, "base64url");
  assert.ok(verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, bytes));
});

test("a name that is taken by what is about to go, another uid in a patch, fields in the order of the text", async () => {
  const ask = await newServer();
  await ask("POST", CONFIG_MAPS, { metadata: { name: "a", finalizers: ["a.b/c"] } });
  const patched = JSON.parse(
    (await ask("PATCH", `${CONFIG_MAPS}/a`, { metadata: { uid: "x" } }, MERGE_PATCH)).text,
  );
  assert.equal(
    patched.message,
    'ConfigMap "a" is invalid: metadata.uid: Invalid value: "x": field is immutable',
  );
  assert.equal(patched.details.causes.length, 2);
  await ask("DELETE", `${CONFIG_MAPS}/a`);
  const again = JSON.parse((await ask("POST", CONFIG_MAPS, { metadata: { name: "a" } })).text);
  assert.equal(again.message, 'object is being deleted: configmaps "a" already exists');
  const text = '{"metadata":{"name":"b"},"nope":1,"data":{"k":"1","k":"2"},"other":2}';
  const strict = JSON.parse((await ask("POST", `${CONFIG_MAPS}?fieldValidation=Strict`, text)).text);
  assert.match(strict.message, /: unknown field "nope", duplicate field "data\.k", unknown field "other"$/);
  const review = { spec: { nonResourceAttributes: { path: "/", verb: "get" } } };
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  assert.equal((await ask("POST", path, review, { accept })).status, 406);
});

const MERGE_PATCH = { "content-type": "application/merge-patch+json" };

test("what occurs twice in YAML is told with its line, in a patch with its path; the last one counts", async () => {
  const ask = await newServer();
  const yaml = { "content-type": "application/yaml" };
  const text = 'metadata:\n  name: a\ndata:\n  k: "1"\n  k: "2"\nnope: 1\n';
  const strict = JSON.parse((await ask("POST", `${CONFIG_MAPS}?fieldValidation=Strict`, text, yaml)).text);
  assert.equal(
    strict.message,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n' +
      '  line 5: key "k" already set in map, unknown field "nope"',
  );
  const made = await ask("POST", CONFIG_MAPS, text, yaml);
  assert.deepEqual(JSON.parse(made.text).data, { k: "2" });
  assert.deepEqual(made.headers.warning, [
    '299 - "line 5: key \\"k\\" already set in map"',
    '299 - "unknown field \\"nope\\""',
  ]);
  const patched = await ask("PATCH", `${CONFIG_MAPS}/a`, '{"data":{"k":"3","k":"4"}}', MERGE_PATCH);
  assert.deepEqual(patched.headers.warning, ['299 - "duplicate field \\"data.k\\""']);
  const apply = { "content-type": "application/apply-patch+yaml" };
  const config = `apiVersion: v1\nkind: ConfigMap\n${text.replace("nope: 1\n", "")}`;
  const applied = await ask("PATCH", `${CONFIG_MAPS}/a?fieldManager=m&fieldValidation=Strict`, config, apply);
  assert.equal(
    JSON.parse(applied.text).message,
    "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n" +
      '  line 7: key "k" already set in map',
  );
});

test("a timeout that is no duration is refused", async () => {
  const ask = await newServer();
  const { status, text } = await ask("GET", `${CONFIG_MAPS}?timeout=10`);
  assert.equal(status, 400);
  assert.match(text, /invalid timeout specified in the request URL - time: missing unit in duration/);
  assert.equal((await ask("GET", `${CONFIG_MAPS}?timeout=10s`)).status, 200);
});

test("answers have line breaks for people, and no pages where any version will do", async () => {
  const ask = await newServer();
  for (const name of ["a", "b"]) await ask("POST", CONFIG_MAPS, { metadata: { name } });
  const people = { "user-agent": "curl/8.0" };
  assert.match((await ask("GET", "/apis/apps", undefined, people)).text, /^\{\n {2}"kind": "APIGroup",\n/);
  const { text } = await ask("GET", `${CONFIG_MAPS}/a?pretty=false`, undefined, people);
  assert.doesNotMatch(text, /\n {2}/);
  assert.match((await ask("GET", `${CONFIG_MAPS}/nope?pretty=1`)).text, /^\{\n {2}"kind": "Status",/);
  const namesOf = async (query: string) =>
    JSON.parse((await ask("GET", `${CONFIG_MAPS}?${query}`)).text).items.map(
      ({ metadata }: KubernetesObject) => metadata.name,
    );
  assert.deepEqual(await namesOf("limit=1&resourceVersion=0"), ["a", "b"]);
  assert.deepEqual(await namesOf("limit=1"), ["a"]);
});

test("aggregated discovery names groups of kinds where they are not the resource's own", async () => {
  const ask = await newServer();
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const { items } = JSON.parse((await ask("GET", "/apis", undefined, { accept })).text);
  const apps = items.find(({ metadata }: KubernetesObject) => metadata.name === "apps");
  const { responseKind, subresources } = apps.versions[0].resources.find(
    ({ resource }: { resource: string }) => resource === "deployments",
  );
  assert.deepEqual(responseKind, { group: "", version: "", kind: "Deployment" });
  assert.deepEqual(
    subresources.map((each: { subresource: string; responseKind: object }) => [
      each.subresource,
      each.responseKind,
    ]),
    [
      ["scale", { group: "autoscaling", version: "v1", kind: "Scale" }],
      ["status", { group: "", version: "", kind: "Deployment" }],
    ],
  );
});

test("volumes, claims and classes with names from before are taken with a warning; definitions end by themselves", async () => {
  const ask = await newServer();
  const volume = {
    metadata: { name: "v" },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      hostPath: { path: "/a" },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: "beta.kubernetes.io/os", operator: "Exists" }] }],
        },
      },
    },
  };
  const { headers } = await ask("POST", "/api/v1/persistentvolumes", volume);
  assert.deepEqual(headers.warning, [
    '299 - "spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is ' +
      'deprecated since v1.14; use \\"kubernetes.io/os\\" instead"',
  ]);
  const topologies = [
    { matchLabelExpressions: [{ key: "failure-domain.beta.kubernetes.io/zone", values: ["a"] }] },
  ];
  const storageClass = { metadata: { name: "c" }, provisioner: "p", allowedTopologies: topologies };
  const made = await ask("POST", "/apis/storage.k8s.io/v1/storageclasses", storageClass);
  assert.deepEqual(made.headers.warning, [
    '299 - "allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.17; use ' +
      '\\"topology.kubernetes.io/zone\\" instead"',
  ]);
  const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const names = { plural: "doors", kind: "Door" };
  const schema = { openAPIV3Schema: { type: "object" } };
  const versions = [{ name: "v1", served: true, storage: true, schema }];
  const spec = { group: "x.y", scope: "Cluster", names, versions };
  await ask("POST", DEFINITIONS, { metadata: { name: "doors.x.y" }, spec });
  const ended = JSON.parse((await ask("DELETE", `${DEFINITIONS}/doors.x.y`)).text);
  assert.deepEqual([ended.metadata.generation, ended.metadata.deletionGracePeriodSeconds], [1, undefined]);
  assert.equal(ended.status.conditions.at(-1).reason, "InstanceDeletionPending");
});
