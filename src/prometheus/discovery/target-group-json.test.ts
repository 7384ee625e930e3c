import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeTargetGroups } from "./target-group-json.ts";

test("decodeTargetGroups() reads fields whatever the case of their names, and takes null for nothing", () => {
  const labels = (entries: Record<string, string>) => Object.assign(Object.create(null), entries);
  assert.deepEqual(decodeTargetGroups('[{"Targets":["h:1",null],"LABELS":{"x":"y","n":null}}]'), [
    { targets: ["h:1", ""], labels: labels({ x: "y", n: "" }) },
  ]);
  assert.deepEqual(decodeTargetGroups('[{"targets":null,"labels":null},{}]'), [
    { targets: [], labels: {} },
    { targets: [], labels: {} },
  ]);
  assert.deepEqual(decodeTargetGroups('[{"labels":{"a":"\\ud800"}}]')[0].labels.a, "\ufffd");
  assert.deepEqual(decodeTargetGroups("null"), []);
});

test("what is no list of groups is refused in Go's words", () => {
  for (const [text, message] of [
    ["", "unexpected end of JSON input"],
    ['[{"targets":["h:1"]}', "unexpected end of JSON input"],
    ["[] x", "invalid character 'x' after top-level value"],
    ["{}", "json: cannot unmarshal object into Go value of type []*targetgroup.Group"],
    ["[null]", "nil target group item found"],
    // The whole is read before anything is missed.
    ['[null, {"foo":1}]', 'json: unknown field "foo"'],
    ['[{"targets":"h:1"}]', "json: cannot unmarshal string into Go struct field .targets of type []string"],
    ['[{"targets":[true]}]', "json: cannot unmarshal bool into Go struct field .targets of type string"],
    ['[{"labels":[]}]', "json: cannot unmarshal array into Go struct field .labels of type model.LabelSet"],
    [
      '[{"labels":{"x":1}}]',
      "json: cannot unmarshal number into Go struct field .labels of type model.LabelValue",
    ],
    ['[{"labels":{"":"x"}}]', '"" is not a valid label name'],
  ])
    assert.throws(() => decodeTargetGroups(text), { message }, text);
  assert.throws(
    () => decodeTargetGroups("[1]"),
    /^Error: json: cannot unmarshal number into Go value of type struct \{/,
  );
});
