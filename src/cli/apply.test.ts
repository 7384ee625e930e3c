import assert from "node:assert/strict";
import { test } from "node:test";
import { mergePatch } from "./apply.ts";
import { ManifestError, parseManifests } from "./manifests.ts";

test("mergePatch() takes away what was wanted before and is no more", () => {
  const cases: [before: unknown, wanted: unknown, patch: unknown][] = [
    [{}, { a: 1 }, { a: 1 }],
    [{ a: 1, b: 2 }, { a: 1 }, { a: 1, b: null }],
    [{ spec: { a: 1, b: { c: 1 } } }, { spec: { b: { d: 2 } } }, { spec: { a: null, b: { c: null, d: 2 } } }],
    [{ list: [1, 2] }, { list: [2] }, { list: [2] }],
    [{ a: { b: 1 } }, { a: "text" }, { a: "text" }],
  ];
  for (const [before, wanted, patch] of cases) assert.deepEqual(mergePatch(before, wanted), patch);
});

test("parseManifests() gives each object its line", () => {
  const text =
    "# a comment\napiVersion: v1\nkind: A\nmetadata:\n  name: a\n---\n---\napiVersion: v1\nkind: B\nmetadata: {name: b}\n";
  assert.deepEqual(
    parseManifests(text, "x.yaml").map(({ source, object }) => [source, object.kind]),
    [
      ["x.yaml:2", "A"],
      ["x.yaml:8", "B"],
    ],
  );
  assert.deepEqual(parseManifests("", "x.yaml"), []);
  const list = "kind: List\napiVersion: v1\nitems: [{apiVersion: v1, kind: A, metadata: {name: a}}]\n";
  assert.deepEqual(
    parseManifests(list, "x.yaml").map(({ object }) => object.kind),
    ["A"],
  );
});

test("parseManifests() names file and line of what is wrong", () => {
  const cases: [text: string, message: RegExp][] = [
    ["a: [1\nb: 2\n", /^x\.yaml:2: /],
    ["kind: A\nmetadata: {name: a}\n", /^x\.yaml:1: apiVersion is missing/],
    ["\n\napiVersion: v1\nmetadata: {name: a}\n", /^x\.yaml:3: kind is missing/],
    ["apiVersion: v1\nkind: A\n", /^x\.yaml:1: metadata\.name is missing/],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => parseManifests(text, "x.yaml"),
      (error) => error instanceof ManifestError && message.test(error.message),
      text,
    );
  }
});

test("parseManifests() reads YAML 1.1, as kubectl does", () => {
  const text =
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: yes, b: off, c: 0644, d: "yes", e: 12:30:45, f: 2026-01-02}\n';
  const [{ object }] = parseManifests(text, "x.yaml");
  assert.deepEqual((object as unknown as { data: object }).data, {
    a: true,
    b: false,
    c: 420,
    d: "yes",
    e: "12:30:45",
    f: "2026-01-02",
  });
});
