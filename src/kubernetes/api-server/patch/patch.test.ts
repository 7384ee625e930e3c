import assert from "node:assert/strict";
import { test } from "node:test";
import { BUILTIN_RESOURCES } from "../builtin-resources.ts";
import { goText } from "./go-text.ts";
import { jsonPatch, MAX_PATCH_OPERATIONS } from "./json-patch.ts";
import { rootNode } from "./merge-node.ts";
import { mergePatch } from "./merge-patch.ts";
import { strategicMergePatch } from "./strategic-merge-patch.ts";

test("mergePatch() passes the examples of RFC 7386", () => {
  const cases: [target: unknown, patch: unknown, result: unknown][] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of cases) {
    assert.deepEqual(mergePatch(target, patch), result, JSON.stringify(patch));
  }
});

test("mergePatch() treats __proto__ as a name like any other", () => {
  const patched = mergePatch({}, JSON.parse('{"__proto__": {"polluted": true}}')) as object;
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  assert.equal((patched as Record<string, unknown>).polluted, undefined);
  assert.ok(Object.hasOwn(patched, "__proto__"));
});

test("jsonPatch() carries out every operation", () => {
  const document = { a: { b: [1, 2] }, "x/y": 1, "m~n": 2 };
  const cases: [patch: unknown[], result: unknown][] = [
    [[{ op: "add", path: "/c", value: 3 }], { ...document, c: 3 }],
    [[{ op: "add", path: "/a/b/0", value: 0 }], { ...document, a: { b: [0, 1, 2] } }],
    [[{ op: "add", path: "/a/b/-", value: 3 }], { ...document, a: { b: [1, 2, 3] } }],
    [[{ op: "remove", path: "/a/b/0" }], { ...document, a: { b: [2] } }],
    [[{ op: "replace", path: "/a/b", value: null }], { ...document, a: { b: null } }],
    [[{ op: "replace", path: "/x~1y", value: 5 }], { ...document, "x/y": 5 }],
    [[{ op: "replace", path: "/m~0n", value: 5 }], { ...document, "m~n": 5 }],
    [[{ op: "move", from: "/a/b/0", path: "/z" }], { ...document, a: { b: [2] }, z: 1 }],
    [[{ op: "copy", from: "/a", path: "/z" }], { ...document, z: { b: [1, 2] } }],
    [[{ op: "test", path: "/a/b/1", value: 2 }], document],
  ];
  for (const [patch, result] of cases)
    assert.deepEqual(jsonPatch(document, patch), result, JSON.stringify(patch));
});

test("jsonPatch() refuses what does not fit the document", () => {
  const cases: [patch: unknown, problem: RegExp][] = [
    [[{ op: "remove", path: "/nope" }], /missing path: \/nope/],
    [[{ op: "replace", path: "/nope", value: 1 }], /missing path/],
    [[{ op: "test", path: "/a", value: 2 }], /testing value \/a failed/],
    [[{ op: "add", path: "/l/9", value: 1 }], /invalid array index/],
    [[{ op: "add", path: "/l/-1", value: 1 }], /invalid array index/],
    [[{ op: "add", path: "/c" }], /does not have a value/],
    [[{ op: "sing", path: "/a" }], /Unexpected kind: sing/],
    [[{ op: "add", path: "a", value: 1 }], /must start with/],
    [[{ op: "add", path: "/constructor/prototype/x", value: 1 }], /missing path/],
    [{ op: "add" }, /array of operations/],
    [
      Array(MAX_PATCH_OPERATIONS + 1).fill({ op: "test", path: "/a", value: 1 }),
      /allowed maximum operations/,
    ],
  ];
  for (const [patch, problem] of cases) assert.throws(() => jsonPatch({ a: 1, l: [] }, patch), problem);
});

const DEPLOYMENT = rootNode(BUILTIN_RESOURCES.find(({ kind }) => kind === "Deployment")!);
const POD = rootNode(BUILTIN_RESOURCES.find(({ kind }) => kind === "Pod")!);
const SERVICE = rootNode(BUILTIN_RESOURCES.find(({ kind }) => kind === "Service")!);

test("strategicMergePatch() merges lists by their keys", () => {
  const pod = {
    spec: {
      containers: [
        { name: "a", image: "a:1", env: [{ name: "X", value: "1" }], args: ["one"] },
        { name: "b", image: "b:1" },
      ],
      tolerations: [{ key: "t" }],
    },
  };
  const cases: [name: string, patch: object, spec: object][] = [
    [
      "an item is changed",
      { containers: [{ name: "b", image: "b:2" }] },
      { ...pod.spec, containers: [pod.spec.containers[0], { name: "b", image: "b:2" }] },
    ],
    [
      "an item is added",
      { containers: [{ name: "c", image: "c" }] },
      { ...pod.spec, containers: [...pod.spec.containers, { name: "c", image: "c" }] },
    ],
    [
      "an item is removed",
      { containers: [{ name: "a", $patch: "delete" }] },
      { ...pod.spec, containers: [pod.spec.containers[1]] },
    ],
    [
      "items within items, and null",
      { containers: [{ name: "a", args: null, env: [{ name: "Y", value: "2" }] }] },
      {
        ...pod.spec,
        containers: [
          {
            name: "a",
            image: "a:1",
            env: [
              { name: "X", value: "1" },
              { name: "Y", value: "2" },
            ],
          },
          pod.spec.containers[1],
        ],
      },
    ],
    [
      "an atomic list is replaced",
      { tolerations: [{ key: "u" }] },
      { ...pod.spec, tolerations: [{ key: "u" }] },
    ],
    [
      "the order is the client's",
      { $setElementOrder: null, "$setElementOrder/containers": [{ name: "b" }, { name: "a" }] },
      { ...pod.spec, containers: [pod.spec.containers[1], pod.spec.containers[0]] },
    ],
    [
      "the list is replaced",
      { containers: [{ $patch: "replace" }, { name: "z" }] },
      { ...pod.spec, containers: [{ name: "z" }] },
    ],
  ];
  for (const [name, spec, expected] of cases) {
    assert.deepEqual(strategicMergePatch(pod, { spec }, POD), { spec: expected }, name);
  }
});

test("strategicMergePatch() knows retainKeys, sets of plain values and ports of both kinds", () => {
  const rolling = { spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } } };
  const recreate = { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } };
  assert.deepEqual(strategicMergePatch(rolling, recreate, DEPLOYMENT), {
    spec: { strategy: { type: "Recreate" } },
  });

  const finalized = { metadata: { finalizers: ["a", "b"] } };
  const patches: [object, string[]][] = [
    [{ finalizers: ["c"] }, ["a", "b", "c"]],
    [{ "$deleteFromPrimitiveList/finalizers": ["a"] }, ["b"]],
  ];
  for (const [metadata, finalizers] of patches) {
    assert.deepEqual(strategicMergePatch(finalized, { metadata }, POD), { metadata: { finalizers } });
  }

  const service = { spec: { ports: [{ port: 80, targetPort: 8080 }] } };
  const renamed = { spec: { ports: [{ port: 80, name: "http" }] } };
  assert.deepEqual(strategicMergePatch(service, renamed, SERVICE), {
    spec: { ports: [{ port: 80, targetPort: 8080, name: "http" }] },
  });
  assert.throws(
    () => strategicMergePatch(service, { spec: { ports: [{ name: "x" }] } }, SERVICE),
    /does not contain declared merge key: port/,
  );
});

test("goText() prints as Go's %+v does", () => {
  assert.equal(
    goText({ spec: { replicas: null, list: [1, "a", true], a: {} } }),
    "map[spec:map[a:map[] list:[1 a true] replicas:<nil>]]",
  );
});
