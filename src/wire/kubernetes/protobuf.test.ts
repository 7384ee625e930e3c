import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, randomInteger, seededRandom } from "../../base/random.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { ProtobufError } from "../protobuf/reader.ts";
import { decodeKubernetesProtobuf, MAX_PROTOBUF_DEPTH, SCHEMA_TYPE } from "./protobuf-decoder.ts";
import { encodeKubernetesProtobuf } from "./protobuf-encoder.ts";
import { type ApiField, type ApiType, apiType, kindType } from "./schema/api-type.ts";

const KINDS: [group: string, version: string, kind: string][] = [
  ["", "v1", "Pod"],
  ["", "v1", "Service"],
  ["", "v1", "Secret"],
  ["", "v1", "Node"],
  ["", "v1", "PersistentVolume"],
  ["", "v1", "Event"],
  ["apps", "v1", "Deployment"],
  ["apps", "v1", "StatefulSet"],
  ["autoscaling", "v2", "HorizontalPodAutoscaler"],
  ["batch", "v1", "CronJob"],
  ["discovery.k8s.io", "v1", "EndpointSlice"],
  ["networking.k8s.io", "v1", "Ingress"],
  ["policy", "v1", "PodDisruptionBudget"],
  ["rbac.authorization.k8s.io", "v1", "ClusterRole"],
  ["coordination.k8s.io", "v1", "Lease"],
  ["storage.k8s.io", "v1", "StorageClass"],
  ["apiextensions.k8s.io", "v1", "CustomResourceDefinition"],
];

const apiVersionOf = (group: string, version: string) => (group === "" ? version : `${group}/${version}`);

/** An object with a random part of its fields, none of them zero. */
function randomStruct(random: Random, type: ApiType, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const field of type.fields.values()) {
    if (!field.isRequired && (depth > 6 || random.float() < 0.75)) continue;
    const value = randomField(random, field, depth);
    if (field.isRequired || field.isPointer || !isEmpty(value)) result[field.name] = value;
  }
  return result;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function randomField(random: Random, field: ApiField, depth: number): unknown {
  const { container, item } = field.type;
  const count = 1 + randomInteger(random, 3);
  if (container === "list") return Array.from({ length: count }, () => randomValue(random, item, depth));
  if (container === "map") {
    return Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`k${i}`, randomValue(random, item, depth)]),
    );
  }
  return randomValue(random, item, depth);
}

function randomValue(random: Random, type: string, depth: number): unknown {
  const number = 1 + randomInteger(random, 2 ** 31 - 2);
  switch (type) {
    case "string":
      return ["a", "grün", "x".repeat(200), "😀"][number % 4];
    case "bool":
      return true;
    case "int32":
      return number % 2 === 0 ? number : -number;
    case "int64":
    case "duration":
      return number * 1024;
    case "float64":
      return number / 3;
    case "bytes":
      return Buffer.from(random.bytes(1 + (number % 50))).toString("base64");
    case "quantity":
      return `${number}m`;
    case "intorstring":
      return number % 2 === 0 ? number : `${number % 100}%`;
    case "time":
      return new Date((number % 4e9) * 1000).toISOString().slice(0, 19) + "Z";
    case "microtime":
      return (
        new Date((number % 4e9) * 1000).toISOString().slice(0, 19) +
        `.${String(number % 1e6).padStart(6, "0")}Z`
      );
    case "any":
      return { "f:a": { n: number } };
    case "schemaorlist":
    case "schemaorbool":
    case "schemaorstrings": {
      const schema = () => randomStruct(random, apiType(SCHEMA_TYPE)!, depth + 1);
      if (number % 2 === 0) return schema();
      if (type === "schemaorbool") return number % 4 === 1;
      return type === "schemaorlist" ? [schema(), schema()] : ["a", "b"];
    }
  }
  const struct = apiType(type)!;
  return struct.values === undefined
    ? randomStruct(random, struct, depth + 1)
    : struct.values[number % struct.values.length];
}

test("decodeKubernetesProtobuf() and encodeKubernetesProtobuf() are inverses, for random objects of many kinds", () => {
  const random = seededRandom(11);
  for (let round = 0; round < 400; round++) {
    const [group, version, kind] = KINDS[round % KINDS.length];
    const object = {
      apiVersion: apiVersionOf(group, version),
      kind,
      ...randomStruct(random, kindType(group, version, kind)!, 0),
    } as KubernetesObject;
    assert.deepEqual(
      decodeKubernetesProtobuf(encodeKubernetesProtobuf(object)),
      object,
      `${kind}, round ${round}`,
    );
  }
});

test("decodeKubernetesProtobuf() leaves out what Go writes for fields that are not set", () => {
  const object = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", generateName: "", generation: 0 },
    spec: {
      replicas: 0,
      paused: false,
      minReadySeconds: 0,
      selector: {},
      template: { spec: { containers: [] } },
    },
  };
  assert.deepEqual(decodeKubernetesProtobuf(encodeKubernetesProtobuf(object as KubernetesObject)), {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: { replicas: 0, selector: {}, template: {} },
  });
});

test("decodeKubernetesProtobuf() fails cleanly on damaged bytes", () => {
  const random = seededRandom(12);
  const good = encodeKubernetesProtobuf({
    apiVersion: "v1",
    kind: "Pod",
    ...randomStruct(random, kindType("", "v1", "Pod")!, 0),
  } as KubernetesObject);
  for (let round = 0; round < 3000; round++) {
    const bytes = good.slice(0, round % 3 === 0 ? randomInteger(random, good.length) : good.length);
    for (let flips = randomInteger(random, 4); flips >= 0 && bytes.length > 0; flips--) {
      bytes[randomInteger(random, bytes.length)] = randomInteger(random, 256);
    }
    try {
      decodeKubernetesProtobuf(bytes);
    } catch (error) {
      const isClean =
        error instanceof ProtobufError || error instanceof SyntaxError || error instanceof RangeError;
      assert.ok(isClean, String((error as Error).stack));
    }
  }
  assert.equal(({} as Record<string, unknown>).k0, undefined);
});

test("decodeKubernetesProtobuf() says which kinds it does not know", () => {
  const known = encodeKubernetesProtobuf({ apiVersion: "v1", kind: "Pod", metadata: { name: "a" } });
  const text = Buffer.from(known).toString("latin1").replace("Pod", "Pot");
  assert.throws(
    () => decodeKubernetesProtobuf(Buffer.from(text, "latin1")),
    /no kind "Pot" is registered for v1/,
  );
  assert.throws(
    () => decodeKubernetesProtobuf(Buffer.from("{}")),
    /does not appear to be a protobuf message/,
  );
});

test("decodeKubernetesProtobuf() takes schemas of schemas, as deep as MAX_PROTOBUF_DEPTH", () => {
  const nested = (levels: number): object =>
    levels === 0 ? { type: "string" } : { type: "array", items: nested(levels - 1) };
  const definition = (levels: number) =>
    ({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "a" },
      spec: { versions: [{ name: "v1", schema: { openAPIV3Schema: nested(levels) } }] },
    }) as unknown as KubernetesObject;
  // Spec, version, its validation and the schema in it.
  const most = MAX_PROTOBUF_DEPTH - 4;
  const object = definition(most);
  assert.deepEqual(
    (decodeKubernetesProtobuf(encodeKubernetesProtobuf(object)) as KubernetesObject).spec,
    object.spec,
  );
  assert.throws(
    () => decodeKubernetesProtobuf(encodeKubernetesProtobuf(definition(most + 1))),
    /nested deeper than/,
  );
});
