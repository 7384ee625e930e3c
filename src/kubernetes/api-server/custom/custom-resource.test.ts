import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { isStatus } from "../../../model/kubernetes-status.ts";
import { settle, VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { ClusterStore } from "../cluster-store.ts";
import { columnsOf } from "../table/column-table.ts";
import { evaluateJsonPath, MAX_JSON_PATH_LENGTH, parseJsonPath } from "./json-path.ts";
import type { JsonSchema } from "./json-schema.ts";
import { validateSchema } from "./schema-validation.ts";

const WIDGETS = { group: "example.com", version: "v1", resource: "widgets" };

function definition(schema: JsonSchema): KubernetesObject {
  const version = (name: string, storage: boolean) => ({
    name,
    served: true,
    storage,
    subresources: {
      status: {},
      scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
    },
    additionalPrinterColumns: [
      { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
      { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
    ],
    schema: { openAPIV3Schema: schema },
  });
  return {
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget", shortNames: ["wd"] },
      versions: [version("v1beta1", false), version("v1", true)],
    },
  };
}

const SCHEMA: JsonSchema = {
  type: "object",
  required: ["spec"],
  properties: {
    spec: {
      type: "object",
      required: ["size"],
      properties: {
        size: { type: "string", enum: ["small", "large"] },
        replicas: { type: "integer", minimum: 0, default: 1 },
        port: { "x-kubernetes-int-or-string": true },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
    status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  },
};

async function newStore(): Promise<ClusterStore> {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "default" } });
  await store.create(RESOURCES.customResourceDefinitions, definition(SCHEMA));
  await settle();
  return store;
}

const widget = (spec: object): KubernetesObject => ({ metadata: { name: "a", namespace: "default" }, spec });
const KEY = { namespace: "default", name: "a" };

test("a definition is established and its objects are served in all versions", async () => {
  const store = await newStore();
  const crd = await store.get<KubernetesObject>(RESOURCES.customResourceDefinitions, {
    name: "widgets.example.com",
  });
  const conditions = crd.status.conditions.map(
    ({ type, status }: { type: string; status: string }) => `${type}=${status}`,
  );
  assert.deepEqual(conditions, ["NamesAccepted=True", "Established=True"]);
  assert.deepEqual(crd.status.storedVersions, ["v1"]);
  const made = await store.create<KubernetesObject>(
    WIDGETS,
    widget({ size: "small", junk: 1, free: { any: [1] } }),
  );
  assert.deepEqual(made.spec, { size: "small", replicas: 1, free: { any: [1] } });
  assert.equal(made.apiVersion, "example.com/v1");
  const beta = await store.get<KubernetesObject>({ ...WIDGETS, version: "v1beta1" }, KEY);
  assert.equal(beta.apiVersion, "example.com/v1beta1");
  const scale = await store.get<KubernetesObject>(WIDGETS, { ...KEY, subresource: "scale" });
  assert.deepEqual([scale.kind, scale.spec.replicas], ["Scale", 1]);
  const updated = await store.updateStatus(WIDGETS, {
    ...made,
    spec: { size: "large" },
    status: { replicas: 1 },
  });
  assert.deepEqual(
    [updated.spec.size, updated.status.replicas, updated.metadata.generation],
    ["small", 1, 1],
  );
});

test("objects that do not fit the schema are refused in upstream's words", async () => {
  const store = await newStore();
  const cases: [spec: object, message: string][] = [
    [{ size: "tiny" }, 'spec.size: Unsupported value: "tiny": supported values: "small", "large"'],
    [{}, "spec.size: Required value"],
    [
      { size: "small", replicas: -1 },
      "spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
    ],
    [
      { size: "small", replicas: "x" },
      'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
    ],
    [
      { size: "small", port: true },
      'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ],
  ];
  for (const [spec, message] of cases) {
    await assert.rejects(store.create(WIDGETS, widget(spec)), (error) => {
      return isStatus(error, "Invalid") && error.message === `Widget.example.com "a" is invalid: ${message}`;
    });
  }
  await assert.rejects(
    store.create(WIDGETS, widget({ size: "small", sise: 1 }), { fieldValidation: "Strict" }),
    (error) => {
      return (
        isStatus(error, "BadRequest") &&
        error.message.endsWith('strict decoding error: unknown field "spec.sise"')
      );
    },
  );
});

test("deleting a definition deletes its objects and waits for the last of them", async () => {
  const store = await newStore();
  const held = widget({ size: "small" });
  held.metadata.finalizers = ["example.com/hold"];
  await store.create(WIDGETS, held);
  await store.delete(RESOURCES.customResourceDefinitions, { name: "widgets.example.com" });
  await settle();
  assert.ok((await store.get<KubernetesObject>(WIDGETS, KEY)).metadata.deletionTimestamp);
  await store.patch(WIDGETS, KEY, { type: "merge", body: { metadata: { finalizers: null } } });
  await settle();
  await assert.rejects(store.list(WIDGETS), (error) => isStatus(error, "NotFound"));
  const crds = await store.list<KubernetesObject>(RESOURCES.customResourceDefinitions);
  assert.equal(crds.items.length, 0);
});

test("printer columns show what their paths lead to", async () => {
  const store = await newStore();
  const info = store.context.registry.find(WIDGETS)!;
  const row = {
    metadata: { name: "a", creationTimestamp: "2026-01-01T00:00:00Z" },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  };
  const cells = columnsOf(info).map((column) => column.value(row, Date.parse("2026-01-01T00:05:00Z")));
  assert.deepEqual(cells, ["a", "True", "5m"]);
});

test("parseJsonPath() and evaluateJsonPath() follow every kind of step", () => {
  const value = {
    a: { "b.c": 1 },
    list: [
      { type: "x", v: 1 },
      { type: "y", v: 2 },
    ],
  };
  const cases: [string, unknown[]][] = [
    [".a['b.c']", [1]],
    [".a.b\\.c", [1]],
    ["{.list[0].v}", [1]],
    [".list[-1].v", [2]],
    [".list[*].v", [1, 2]],
    ['.list[?(@.type=="y")].v', [2]],
    [".list[?(@.type!='y')].v", [1]],
    [".missing.deeper", []],
    [".__proto__.x", []],
  ];
  for (const [path, expected] of cases)
    assert.deepEqual(evaluateJsonPath(parseJsonPath(path), value), expected, path);
  for (const bad of ["a", ".a[", ".a[?(@)]", ".a[?(1==1)]", `.${"a".repeat(MAX_JSON_PATH_LENGTH)}`]) {
    assert.throws(() => parseJsonPath(bad), /JSON path/, bad);
  }
});

test("validateSchema() checks every keyword", () => {
  const cases: [JsonSchema, good: unknown, bad: unknown, message: RegExp][] = [
    [{ type: "string", minLength: 2 }, "ab", "a", /should be at least 2 chars long/],
    [{ type: "string", maxLength: 2 }, "😀😀", "abc", /Too long: may not be more than 2 bytes/],
    [{ type: "string", pattern: "^a+$" }, "aa", "b", /should match '\^a\+\$'/],
    [{ type: "number", maximum: 1, exclusiveMaximum: true }, 0.5, 1, /should be less than 1/],
    [{ type: "integer", multipleOf: 5 }, 10, 11, /should be a multiple of 5/],
    [{ type: "integer" }, 1, 1.5, /must be of type integer: "number"/],
    [{ type: "array", items: { type: "string" }, minItems: 1 }, ["a"], [], /should have at least 1 items/],
    [{ type: "array", items: { type: "string" } }, ["a"], ["a", 1], /x\[1\] in body must be of type string/],
    [{ type: "array", "x-kubernetes-list-type": "set" }, ["a", "b"], ["a", "a"], /Duplicate value: "a"/],
    [
      { type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] },
      [{ name: "a" }, { name: "b" }],
      [{ name: "a" }, { name: "a" }],
      /Duplicate value: {"name":"a"}/,
    ],
    [{ type: "object", maxProperties: 1 }, { a: 1 }, { a: 1, b: 2 }, /must have at most 1 items/],
    [
      { type: "object", additionalProperties: { type: "string" } },
      { a: "1" },
      { a: 1 },
      /x\.a in body must be of type string/,
    ],
    [{ anyOf: [{ required: ["a"] }, { required: ["b"] }] }, { a: 1 }, {}, /at least one schema \(anyOf\)/],
    [{ oneOf: [{ required: ["a"] }, { required: ["b"] }] }, { a: 1 }, { a: 1, b: 2 }, /Found 2 valid/],
    [{ not: { required: ["a"] } }, {}, { a: 1 }, /must not validate the schema/],
    [{ type: "string", nullable: true }, null, 1, /must be of type string/],
    [{ enum: [1, "a"] }, 1, 2, /Unsupported value: 2/],
  ];
  for (const [schema, good, bad, message] of cases) {
    assert.deepEqual(validateSchema(schema, good, "x"), [], JSON.stringify(schema));
    const causes = validateSchema(schema, bad, "x");
    assert.match(causes.map((cause) => cause.message).join("\n"), message, JSON.stringify(schema));
  }
});
