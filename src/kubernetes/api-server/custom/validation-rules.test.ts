/** Rules of custom resources and checks of their schemas, in the words of kube-apiserver 1.35. */
import assert from "node:assert/strict";
import test from "node:test";
import { systemClock } from "../../../base/clock.ts";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { ClusterStore } from "../cluster-store.ts";
import type { JsonSchema } from "./json-schema.ts";

const LAMPS = { group: "x.y", version: "v1", resource: "lamps" };
const KEY = { namespace: "t", name: "b" };

const definition = (schema: JsonSchema) =>
  ({
    metadata: { name: "lamps.x.y" },
    spec: {
      group: "x.y",
      scope: "Namespaced",
      names: { plural: "lamps", kind: "Lamp" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  }) as unknown as KubernetesObject;

const withSpec = (properties: Record<string, JsonSchema>, more: JsonSchema = {}): JsonSchema => ({
  type: "object",
  properties: { spec: { type: "object", properties, ...more } },
});

async function storeWith(schema: JsonSchema): Promise<ClusterStore> {
  const store = new ClusterStore({ clock: systemClock, random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "t" } });
  await store.create(RESOURCES.customResourceDefinitions, definition(schema));
  return store;
}

async function problems(written: Promise<unknown>): Promise<string> {
  try {
    await written;
    return "";
  } catch (error) {
    return (error as Error).message.replace(/^[^:]* is invalid: /, "");
  }
}

test("values that break a rule are told as upstream does", async () => {
  const store = await storeWith(
    withSpec(
      {
        s: {
          type: "string",
          maxLength: 4,
          "x-kubernetes-validations": [
            { rule: "self != 'bad'" },
            { rule: "self.startsWith('a')", message: "must start with a" },
            { rule: "self.size() < 4", messageExpression: "'too long: ' + self" },
          ],
        },
        i: {
          type: "integer",
          "x-kubernetes-validations": [{ rule: "self % 2 == 0", reason: "FieldValueForbidden" }],
        },
        l: {
          type: "array",
          items: { type: "string" },
          "x-kubernetes-validations": [{ rule: "self.all(x, x.matches('^[a-z]$'))", message: "letters" }],
        },
        o: {
          type: "object",
          properties: { z: { type: "integer" } },
          "x-kubernetes-validations": [
            { rule: "!has(self.z) || self.z < 5", fieldPath: ".z", message: "z small" },
          ],
        },
        min: { type: "integer" },
        max: { type: "integer" },
        imm: {
          type: "string",
          "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "immutable" }],
        },
        ports: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["k"],
          items: {
            type: "object",
            required: ["k"],
            properties: { k: { type: "string" }, v: { type: "integer" } },
            "x-kubernetes-validations": [{ rule: "self.v >= oldSelf.v", message: "only up" }],
          },
        },
      },
      {
        "x-kubernetes-validations": [
          {
            rule: "!has(self.min) || self.min <= (has(self.max) ? self.max : 100)",
            message: "min above max",
          },
        ],
      },
    ),
  );
  const make = (spec: object) => problems(store.create(LAMPS, { metadata: KEY, spec }, { dryRun: true }));
  assert.equal(await make({ s: "aa", i: 2, l: ["a"], o: { z: 1 }, min: 1 }), "");
  assert.equal(
    await make({ s: "bad" }),
    `[spec.s: Invalid value: "bad": failed rule: self != 'bad', spec.s: Invalid value: "bad": must start with a]`,
  );
  assert.equal(await make({ s: "abcd" }), 'spec.s: Invalid value: "abcd": too long: abcd');
  assert.equal(await make({ i: 3 }), "spec.i: Forbidden: failed rule: self % 2 == 0");
  assert.equal(await make({ l: ["a", "B"] }), "spec.l: Invalid value: letters");
  assert.equal(await make({ o: { z: 9 } }), "spec.o.z: Invalid value: z small");
  assert.equal(await make({ min: 5, max: 3 }), "spec: Invalid value: min above max");
  assert.equal(await make({ min: 101 }), "spec: Invalid value: min above max");
  assert.equal(
    await make({ s: "abcde" }),
    "[spec.s: Too long: may not be more than 4 bytes, <nil>: Invalid value: null: some validation rules were not " +
      "checked because the object was invalid; correct the existing errors to complete validation]",
  );
  await store.create(LAMPS, {
    metadata: KEY,
    spec: { imm: "1", ports: [{ k: "a", v: 2 }] },
  } as KubernetesObject);
  const patch = (spec: object) => problems(store.patch(LAMPS, KEY, { type: "merge", body: { spec } }));
  assert.equal(await patch({ imm: "2" }), 'spec.imm: Invalid value: "2": immutable');
  assert.equal(
    await patch({
      ports: [
        { k: "b", v: 1 },
        { k: "a", v: 1 },
      ],
    }),
    "spec.ports[1]: Invalid value: only up",
  );
  assert.equal(
    await patch({
      ports: [
        { k: "b", v: 1 },
        { k: "a", v: 3 },
      ],
    }),
    "",
  );
});

test("a null where none may be is left out, as upstream does", async () => {
  const store = await storeWith(withSpec({ s: { type: "string" }, n: { type: "string", nullable: true } }));
  const made = await store.create<KubernetesObject>(LAMPS, {
    metadata: KEY,
    spec: { s: null, n: null },
  } as KubernetesObject);
  assert.deepEqual(made.spec, { n: null });
});

test("schemas that are not structural are refused", async () => {
  const store = await storeWith({ type: "object" });
  const at = "spec.validation.openAPIV3Schema";
  const a = `${at}.properties[spec].properties[a]`;
  const list = { type: "object", properties: { k: { type: "string" } } };
  const cases: [schema: JsonSchema, problem: string][] = [
    [{}, `${at}.type: Required value: must not be empty at the root`],
    [{ type: "string" }, `${at}.type: Invalid value: "string": must be object at the root`],
    [withSpec({ a: {} }), `${a}.type: Required value: must not be empty for specified object fields`],
    [withSpec({ a: { type: "array" } }), `${a}.items: Required value: must be specified`],
    [
      withSpec({ a: { type: "wrong" } }),
      `${a}.type: Unsupported value: "wrong": supported values: "array", "boolean", "integer", "number", "object", "string"`,
    ],
    [
      withSpec({ a: { type: "string", default: 5 } }),
      `${a}.default: Invalid value: "integer":  in body must be of type string: "integer"`,
    ],
    [
      withSpec({ a: { type: "object", default: { q: 1 } } }),
      `${a}.default: Invalid value: {"q":1}: must not have unknown fields`,
    ],
    [
      withSpec({ a: { type: "string", anyOf: [{ type: "string" }] } }),
      `${a}.anyOf[0].type: Forbidden: must be empty to be structural`,
    ],
    [
      withSpec({ a: { type: "array", "x-kubernetes-list-type": "map", items: list } }),
      `${a}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
    ],
    [
      {
        type: "object",
        properties: { metadata: { type: "object", properties: { foo: { type: "string" } } } },
      },
      `${at}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata ` +
        "is implicitly specified",
    ],
    [
      withSpec({ a: { type: "integer", "x-kubernetes-validations": [{ rule: "" }] } }),
      `${a}.x-kubernetes-validations[0].rule: Required value: rule is not specified`,
    ],
  ];
  for (const [schema, problem] of cases) {
    const written = { ...definition(schema), metadata: { name: "lamps.x.y" } };
    assert.equal(
      await problems(store.create(RESOURCES.customResourceDefinitions, written, { dryRun: true })),
      problem,
    );
  }
});

test("a conversion by webhook names its webhook", async () => {
  const store = await storeWith({ type: "object" });
  const written = definition({ type: "object" });
  written.spec = { ...written.spec, conversion: { strategy: "Webhook" } };
  assert.equal(
    await problems(store.create(RESOURCES.customResourceDefinitions, written, { dryRun: true })),
    "[spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook, " +
      "spec.conversion.conversionReviewVersions: Required value]",
  );
});

test("what is wrong and did not change is told as a warning, in lists by keys and in what lies within", async () => {
  const loose = withSpec({
    a: { type: "string" },
    list: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: {
        type: "object",
        required: ["name"],
        properties: { name: { type: "string" }, n: { type: "integer" } },
      },
    },
    plain: { type: "array", items: { type: "integer" } },
  });
  const store = await storeWith(loose);
  const spec = { a: "bad", list: [{ name: "x", n: 9 }], plain: [9] };
  const made = await store.create<KubernetesObject>(LAMPS, {
    metadata: { name: "b", namespace: "t" },
    spec,
  } as KubernetesObject);
  const strict = structuredClone(loose);
  const { a, list, plain } = strict.properties!.spec.properties!;
  a["x-kubernetes-validations"] = [{ rule: "self != 'bad'" }];
  list.items!.properties!.n.maximum = 5;
  plain.items!.maximum = 5;
  const held = await store.get<KubernetesObject>(RESOURCES.customResourceDefinitions, { name: "lamps.x.y" });
  const { spec: changed } = definition(strict);
  await store.replace(RESOURCES.customResourceDefinitions, { ...held, spec: { ...held.spec, ...changed } });
  const warnings: string[] = [];
  const write = (spec: object) => {
    const object = { ...made, metadata: { ...made.metadata, resourceVersion: undefined }, spec };
    return store.replace(LAMPS, object as KubernetesObject, { warn: (text) => warnings.push(text) });
  };
  await write({
    ...spec,
    list: [
      { name: "y", n: 1 },
      { name: "x", n: 9 },
    ],
  });
  assert.deepEqual(warnings, ["spec.a: Invalid value: \"bad\": failed rule: self != 'bad'"]);
  assert.equal(
    await problems(write({ ...spec, list: [{ name: "x", n: 8 }] })),
    "spec.list[0].n: Invalid value: 8: spec.list[0].n in body should be less than or equal to 5",
  );
  // Items of this list are not told apart: one that is new has all looked at again.
  assert.equal(
    await problems(write({ ...spec, plain: [9, 1] })),
    "spec.plain[0]: Invalid value: 9: spec.plain[0] in body should be less than or equal to 5",
  );
});
