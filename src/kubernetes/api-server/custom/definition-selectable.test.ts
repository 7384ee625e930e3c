import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { RESOURCES } from "../../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import { VirtualClock } from "../../../simulation/virtual/virtual-clock.ts";
import { BUILTIN_RESOURCES } from "../builtin-resources.ts";
import { ClusterStore } from "../cluster-store.ts";

const DEFINITIONS = BUILTIN_RESOURCES.find(({ kind }) => kind === "CustomResourceDefinition")!;
const WIDGETS = { group: "example.com", version: "v1", resource: "widgets" };

const definition = (...paths: string[]) =>
  ({
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          selectableFields: paths.map((jsonPath) => ({ jsonPath })),
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: {
                spec: { type: "object", properties: { color: { type: "string" }, tags: { type: "object" } } },
              },
            },
          },
        },
      ],
    },
  }) as KubernetesObject;

test("custom resources are selected by the fields that their definition names", async () => {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  await store.create(RESOURCES.namespaces, { metadata: { name: "here" } });
  await store.create(DEFINITIONS, definition(".spec.color"));
  for (const [name, color] of [
    ["a", "red"],
    ["b", "blue"],
  ])
    await store.create(WIDGETS, {
      metadata: { name, namespace: "here" },
      spec: { color },
    } as KubernetesObject);
  const { items } = await store.list(WIDGETS, { fieldSelector: "spec.color=blue" });
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["b"],
  );
  await assert.rejects(store.list(WIDGETS, { fieldSelector: "spec.size=1" }), {
    message: "field label not supported: spec.size",
  });
});

test("only plain fields that are there may be named, once", async () => {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  const problem = async (...paths: string[]) => {
    const error = await store.create(DEFINITIONS, definition(...paths)).catch((each) => each);
    return error.message.replace(/^.* is invalid: spec.selectableFields\[\d\].jsonPath: /, "");
  };
  const invalid = (path: string) => `Invalid value: "${path}": `;
  assert.equal(
    await problem(".spec.nope"),
    `${invalid(".spec.nope")}is an invalid path: does not refer to a valid field`,
  );
  assert.match(await problem(".spec.tags"), /must point to a field of type string, boolean or integer/);
  assert.equal(
    await problem(".metadata.name"),
    `${invalid(".metadata.name")}must not point to fields in metadata`,
  );
  assert.equal(await problem(".spec.color", ".spec.color"), 'Duplicate value: ".spec.color"');
});
