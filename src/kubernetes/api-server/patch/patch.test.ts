import assert from "node:assert/strict";
import { test } from "node:test";
import { BUILTIN_RESOURCES } from "../builtin-resources.ts";
import { goText, spentPatch } from "./go-text.ts";
import { jsonPatch, MAX_COPIED_BYTES, MAX_PATCH_OPERATIONS } from "./json-patch.ts";
import { rootNode } from "./merge-node.ts";
import { mergePatch } from "./merge-patch.ts";
import { type StrategicPatchError, strategicMergePatch } from "./strategic-merge-patch.ts";

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

test("jsonPatch() takes what is not there for null, as the API server's library does", () => {
  const document = { a: 1, l: [1, 2] };
  const cases: [patch: unknown[], result: unknown][] = [
    [[{ op: "replace", path: "/new", value: 1 }], { ...document, new: 1 }],
    [[{ op: "test", path: "/nope", value: null }], document],
    [[{ op: "copy", from: "/nope", path: "/b" }], { ...document, b: null }],
    [[{ op: "add", path: "/a" }], { ...document, a: null }],
    [[{ op: "remove", path: "/l/-1" }], { ...document, l: [1] }],
  ];
  for (const [patch, result] of cases)
    assert.deepEqual(jsonPatch(document, patch), result, JSON.stringify(patch));
});

test("jsonPatch() refuses what does not fit the document", () => {
  const cases: [patch: unknown[], problem: RegExp][] = [
    [[{ op: "remove", path: "/nope" }], /nonexistent key: nope/],
    [[{ op: "remove", path: "" }], /missing path/],
    [[{ op: "replace", path: "/nope/x", value: 1 }], /missing path: \/nope\/x/],
    [[{ op: "test", path: "/a", value: 2 }], /testing value \/a failed/],
    [[{ op: "add", path: "/l/9", value: 1 }], /invalid index: 9/],
    [[{ op: "add", path: "/l/-2", value: 1 }], /invalid index: -2/],
    [[{ op: "sing", path: "/a" }], /Unexpected kind: sing/],
    [[{ path: "/a" }], /Unexpected kind: unknown/],
    [[{ op: "add", value: 1 }], /failed to decode path/],
    [[{ op: "add", path: "a", value: 1 }], /missing path/],
    [[{ op: "add", path: "/constructor/prototype/x", value: 1 }], /missing path/],
    [
      Array(MAX_PATCH_OPERATIONS + 1).fill({ op: "test", path: "/a", value: 1 }),
      /allowed maximum operations/,
    ],
  ];
  for (const [patch, problem] of cases) assert.throws(() => jsonPatch({ a: 1, l: [] }, patch), problem);
});

test("jsonPatch() copies no more than a request may be long", () => {
  const half = "x".repeat(MAX_COPIED_BYTES / 2 - 2);
  const copy = (path: string) => ({ op: "copy", from: "/half", path });
  assert.deepEqual(Object.keys(jsonPatch({ half }, [copy("/a"), copy("/b")]) as object), ["half", "a", "b"]);
  assert.throws(() => jsonPatch({ half }, [copy("/a"), copy("/b"), copy("/c")]), /accumulated size/);
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
      "an item is added, in front where the patch does not say where",
      { containers: [{ name: "c", image: "c" }] },
      { ...pod.spec, containers: [{ name: "c", image: "c" }, ...pod.spec.containers] },
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
              { name: "Y", value: "2" },
              { name: "X", value: "1" },
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
      { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }] },
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
    [{ finalizers: ["c"] }, ["c", "a", "b"]],
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

test("strategicMergePatch() puts items where the patch and the server have them", () => {
  type Case = [name: string, live: string, added: string, order: string, result: string];
  const cases: Case[] = [
    ["the server's own stay where they were", "abc", "n", "an", "anbc"],
    ["and before what they stood before", "sxt", "", "xt", "sxt"],
    ["in the patch's order", "abcd", "", "dcb", "adcb"],
    ["new ones stand before the server's own", "s", "ab", "ab", "abs"],
  ];
  const named = (names: string) => [...names].map((name) => ({ name }));
  for (const [name, live, added, order, result] of cases) {
    const patch = {
      spec: {
        "$setElementOrder/containers": named(order),
        ...(added !== "" && { containers: named(added) }),
      },
    };
    const patched = strategicMergePatch({ spec: { containers: named(live) } }, patch, POD);
    assert.deepEqual(patched, { spec: { containers: named(result) } }, name);
  }
});

test("strategicMergePatch() refuses directives that contradict the patch, and says who is to blame", () => {
  const target = {
    spec: { strategy: { type: "Recreate" }, template: { spec: { containers: [{ name: "a" }] } } },
  };
  const containers = (spec: object) => ({ spec: { template: { spec } } });
  const cases: [patch: object, message: RegExp, isBadFormat: boolean][] = [
    [{ spec: { strategy: { $retainKeys: ["type"], rollingUpdate: {} } } }, /format of retainKeys/, true],
    [
      { spec: { strategy: { $patch: "sing" } } },
      /unknown patch type: sing in map: map\[\$patch:sing\]/,
      false,
    ],
    [containers({ containers: [{ image: "x" }] }), /declared merge key: name/, false],
    [
      containers({ containers: [{ name: "a", $patch: "merge" }] }),
      /merging lists cannot yet be specified/,
      false,
    ],
    [containers({ containers: [[]] }), /lists of lists are not supported|not identical/, false],
    [
      containers({ "$setElementOrder/containers": [{ name: "a" }], containers: [{ name: "b" }] }),
      /The order in patch list:\n\[map\[name:b\]\]\n doesn't match \$setElementOrder list:\n\[map\[name:a\]\]\n/,
      false,
    ],
  ];
  for (const [patch, message, isBadFormat] of cases) {
    assert.throws(
      () => strategicMergePatch(target, patch, DEPLOYMENT),
      (error: StrategicPatchError) => message.test(error.message) && error.isBadFormat === isBadFormat,
      JSON.stringify(patch),
    );
  }
  assert.deepEqual(strategicMergePatch(target, { spec: { strategy: { $patch: "delete" } } }, DEPLOYMENT), {
    spec: { ...target.spec, strategy: {} },
  });
});

test("goText() prints as Go's %+v does", () => {
  assert.equal(
    goText({ spec: { replicas: null, list: [1, "a", true], a: {} } }),
    "map[spec:map[a:map[] list:[1 a true] replicas:<nil>]]",
  );
});

test("of a patch that has been applied ordered lists are gone", () => {
  const patch = {
    spec: {
      $retainKeys: ["a"],
      "$setElementOrder/containers": [{ name: "web" }],
      containers: [{ name: "web", imag: "x" }],
      volumes: [{ name: "v" }],
    },
  };
  assert.equal(goText(spentPatch(patch)), "map[spec:map[volumes:[map[name:v]]]]");
});
