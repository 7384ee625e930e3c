import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { type GroupVersionResource, RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { BUILTIN_RESOURCES } from "../builtin-resources.ts";
import { ClusterStore } from "../cluster-store.ts";

const resource = (kind: string): GroupVersionResource =>
  BUILTIN_RESOURCES.find((info) => info.kind === kind)!;
const POLICIES = resource("ValidatingAdmissionPolicy");
const BINDINGS = resource("ValidatingAdmissionPolicyBinding");
const { configMaps } = RESOURCES;

const RULE = { apiGroups: [""], apiVersions: ["v1"], operations: ["*"], resources: ["configmaps"] };

async function newStore(spec: object, binding: object = {}) {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  for (const name of ["here", "there"]) await store.create(RESOURCES.namespaces, { metadata: { name } });
  await store.create(POLICIES, {
    metadata: { name: "p" },
    spec: { matchConstraints: { resourceRules: [RULE] }, ...spec },
  } as KubernetesObject);
  await store.create(BINDINGS, {
    metadata: { name: "b" },
    spec: { policyName: "p", validationActions: ["Deny"], ...binding },
  } as KubernetesObject);
  const warnings: string[] = [];
  const write = async (name: string, data: object, namespace = "here"): Promise<string> => {
    const object = { metadata: { name, namespace }, data } as KubernetesObject;
    try {
      await store.create(configMaps, object, { warn: (text) => warnings.push(text) });
      return "";
    } catch (error) {
      if (!isStatus(error)) throw error;
      return `${error.code} ${error.message}`;
    }
  };
  return { store, write, warnings };
}

const DENIED = "is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request:";

test("a policy refuses what does not hold, with its message and reason", async () => {
  const { write } = await newStore({
    variables: [{ name: "n", expression: "object.data.size()" }],
    validations: [
      { expression: "variables.n < 3", message: "too many" },
      {
        expression: "!has(object.data.bad)",
        messageExpression: "'bad is ' + object.data.bad",
        reason: "Forbidden",
      },
      { expression: "object.metadata.name != 'nope'" },
    ],
    matchConditions: [{ name: "not-free", expression: "object.metadata.name != 'free'" }],
  });
  assert.equal(await write("a", { x: "1" }), "");
  assert.equal(await write("b", { x: "1", y: "2", z: "3" }), `422 configmaps "b" ${DENIED} too many`);
  assert.equal(await write("c", { bad: "x" }), `403 configmaps "c" ${DENIED} bad is x`);
  assert.equal(
    await write("nope", {}),
    `422 configmaps "nope" ${DENIED} expression 'variables.n < 3' resulted in error: no such key: data`,
  );
  assert.equal(await write("free", { x: "1", y: "2", z: "3" }), "");
});

test("what goes wrong refuses or not, by the failure policy", async () => {
  const validations = [{ expression: "object.data.must == 'x'" }];
  assert.match(await (await newStore({ validations })).write("a", { b: "c" }), /no such key: must$/);
  assert.equal(await (await newStore({ validations, failurePolicy: "Ignore" })).write("a", { b: "c" }), "");
});

test("a binding says where, and whether to warn only", async () => {
  const validations = [{ expression: "false", message: "never" }];
  const matchResources = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "there" } } };
  const bound = await newStore({ validations }, { matchResources });
  assert.equal(await bound.write("a", {}), "");
  assert.equal(await bound.write("a", {}, "there"), `422 configmaps "a" ${DENIED} never`);
  const warned = await newStore({ validations }, { validationActions: ["Warn"] });
  assert.equal(await warned.write("a", {}), "");
  assert.deepEqual(warned.warnings, [
    "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': never",
  ]);
});

test("updates and deletions are asked about, too, with what was there", async () => {
  const { store, write } = await newStore({
    validations: [
      { expression: "request.operation != 'UPDATE' || oldObject.data == object.data", message: "immutable" },
      { expression: "request.operation != 'DELETE' || oldObject.metadata.name != 'kept'", message: "kept" },
    ],
  });
  assert.equal(await write("kept", { a: "1" }), "");
  const key = { namespace: "here", name: "kept" };
  await assert.rejects(
    store.patch(configMaps, key, { type: "merge", body: { data: { a: "2" } } }),
    /denied request: immutable/,
  );
  await store.patch(configMaps, key, { type: "merge", body: { metadata: { labels: { x: "y" } } } });
  await assert.rejects(store.delete(configMaps, key), /denied request: kept/);
});

test("parameters come from an object that the binding names", async () => {
  const { store, write } = await newStore(
    {
      paramKind: { apiVersion: "v1", kind: "ConfigMap" },
      validations: [
        { expression: "object.data.size() <= int(params.data.max)", message: "more than allowed" },
      ],
      matchConditions: [{ name: "not-the-limits", expression: "object.metadata.name != 'limits'" }],
    },
    { paramRef: { name: "limits", parameterNotFoundAction: "Deny" } },
  );
  assert.match(
    await write("a", { x: "1" }),
    /no params found for policy binding with `Deny` parameterNotFoundAction/,
  );
  // The policy is about its own parameters as well: they are made while nothing is bound.
  const binding = await store.delete(BINDINGS, { name: "b" });
  assert.equal(await write("limits", { max: "1" }), "");
  const { resourceVersion: _, ...metadata } = binding.metadata;
  await store.create(BINDINGS, { ...binding, metadata });
  assert.equal(await write("a", { x: "1" }), "");
  assert.match(await write("b", { x: "1", y: "2" }), /more than allowed/);
});

test("expressions may ask what the user may do", async () => {
  const { write } = await newStore({
    validations: [
      {
        expression: "authorizer.group('').resource('secrets').namespace('here').check('get').allowed()",
        messageExpression: "request.userInfo.username + ' may not'",
      },
    ],
  });
  assert.equal(await write("a", {}), `422 configmaps "a" ${DENIED} system:kube-controller-manager may not`);
});
