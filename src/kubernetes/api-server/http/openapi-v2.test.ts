import assert from "node:assert/strict";
import { test } from "node:test";
import { BUILTIN_RESOURCES } from "../builtin-resources.ts";
import type { ResourceInfo } from "../resource-info.ts";
import { type Schema, swaggerDocument } from "./openapi-v2.ts";
import { swaggerProtobuf } from "./swagger-protobuf.ts";

const CUSTOM = {
  group: "example.com",
  version: "v1",
  kind: "Widget",
  resource: "widgets",
  collection: "example.com/widgets",
  namespaced: true,
  isCustom: true,
  schema: {
    type: "object",
    properties: {
      spec: {
        type: "object",
        required: ["size"],
        properties: {
          size: { type: "integer", format: "int32", minimum: 1, enum: [1, 2] },
          port: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] },
          anything: { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { a: {} } },
          maybe: { type: "string", nullable: true },
          labels: { type: "object", additionalProperties: { type: "string", maxLength: 5 } },
        },
      },
    },
  },
} as unknown as ResourceInfo;

const document = swaggerDocument([...BUILTIN_RESOURCES, CUSTOM], {}, "v1.35.0");

test("every kind has a definition whose references resolve, and says what it is", () => {
  const { definitions } = document;
  const pod = definitions["io.k8s.api.core.v1.Pod"];
  assert.deepEqual(pod["x-kubernetes-group-version-kind"], [{ group: "", version: "v1", kind: "Pod" }]);
  const spec = (pod.properties as Record<string, Schema>).spec;
  assert.deepEqual(spec, { $ref: "#/definitions/io.k8s.api.core.v1.PodSpec", description: spec.description });
  for (const [, name] of JSON.stringify(definitions).matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g))
    assert.ok(definitions[name] !== undefined, name);
  assert.equal(JSON.stringify(definitions).includes('"allOf":['), false);
});

test("a custom resource's schema is told without what version 2 has no word for", () => {
  const widget = document.definitions["com.example.v1.Widget"];
  const { spec } = widget.properties as Record<string, Schema>;
  assert.deepEqual((spec.properties as Schema).port, { "x-kubernetes-int-or-string": true });
  assert.deepEqual((spec.properties as Schema).anything, { "x-kubernetes-preserve-unknown-fields": true });
  assert.deepEqual((spec.properties as Schema).maybe, {});
  assert.deepEqual(spec.required, ["size"]);
});

test("the document in protobuf has names, texts and extensions as gnostic's messages", () => {
  const only = {
    ...document,
    paths: {},
    definitions: {
      W: { type: "object", properties: { a: { type: "integer", minimum: 1, "x-y": { b: 1 } } } },
    },
  };
  const hex = (text: string) => Buffer.from(text).toString("hex");
  assert.equal(
    Buffer.from(swaggerProtobuf(only)).toString("hex"),
    [
      `0a03${hex("2.0")}`,
      `1215${`0a0a${hex("Kubernetes")}`}${`1207${hex("v1.35.0")}`}`,
      "4200", // paths
      `4a450a43${`0a01${hex("W")}`}123e`, // definitions: one of them
      `b201080a06${hex("object")}`, // type
      `ca01300a2e${`0a01${hex("a")}`}1229`, // properties: one of them
      `b201090a07${hex("integer")}`,
      "49000000000000f03f", // minimum
      `fa01110a03${hex("x-y")}120a1208${hex('{"b":1}\n')}`,
    ].join(""),
  );
});
