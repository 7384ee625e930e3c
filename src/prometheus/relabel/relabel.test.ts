import assert from "node:assert/strict";
import { test } from "node:test";
import { Labels } from "../../model/labels.ts";
import { compileAnchored } from "../config/go-regexp.ts";
import { defaultRelabelConfig, type RelabelConfig, relabel, validateRelabelConfig } from "./relabel.ts";

const rule = (settings: Partial<RelabelConfig>): RelabelConfig => {
  const config = { ...defaultRelabelConfig(), ...settings };
  return { ...config, compiled: compileAnchored(config.regex) };
};

const INPUT = { a: "foo", b: "bar", c: "baz", d: "", __tmp: "x.y.z" };

test("relabel() does what each action says", () => {
  const cases: [
    name: string,
    rules: Partial<RelabelConfig>[],
    expected: Record<string, string> | undefined,
  ][] = [
    [
      "replace",
      [{ source_labels: ["a", "b"], regex: "f(.*);(.*)r", target_label: "d", replacement: "ch$1-$2" }],
      { d: "choo-ba" },
    ],
    ["replace without a match", [{ source_labels: ["a"], regex: "o+", target_label: "d" }], {}],
    [
      "replace with nothing removes",
      [{ source_labels: ["a"], regex: "foo", target_label: "a", replacement: "" }],
      { a: "" },
    ],
    [
      "replace into a made-up name",
      [{ source_labels: ["a"], regex: "(fo)(o)", target_label: ["$", "{1}_$2"].join(""), replacement: "v" }],
      { fo_o: "v" },
    ],
    ["replace with no sources", [{ target_label: "n", replacement: "static" }], { n: "static" }],
    ["drop", [{ source_labels: ["a"], regex: ".*o.*", action: "drop" }], undefined],
    ["drop that does not match", [{ source_labels: ["a"], regex: "f", action: "drop" }], {}],
    ["keep", [{ source_labels: ["a"], regex: "fo.", action: "keep" }], {}],
    ["keep that does not match", [{ source_labels: ["missing"], regex: ".+", action: "keep" }], undefined],
    ["keepequal", [{ source_labels: ["a"], target_label: "a", action: "keepequal" }], {}],
    ["dropequal", [{ source_labels: ["a"], target_label: "a", action: "dropequal" }], undefined],
    [
      "hashmod",
      [{ source_labels: ["c"], target_label: "h", modulus: 1000, action: "hashmod" }],
      { h: "976" },
    ],
    [
      "hashmod of several",
      [{ source_labels: ["a", "b"], target_label: "h", modulus: 1000, action: "hashmod" }],
      { h: "750" },
    ],
    ["labelmap", [{ regex: "(b|c)", replacement: "x_$1", action: "labelmap" }], { x_b: "bar", x_c: "baz" }],
    ["labeldrop", [{ regex: "(a|__.*)", action: "labeldrop" }], { a: "", __tmp: "" }],
    ["labelkeep", [{ regex: "b", action: "labelkeep" }], { a: "", c: "", __tmp: "" }],
    [
      "lowercase",
      [
        { source_labels: ["a"], target_label: "u", action: "uppercase" },
        { source_labels: ["u"], target_label: "l", action: "lowercase" },
      ],
      { u: "FOO", l: "foo" },
    ],
    [
      "later rules see earlier ones",
      [
        { target_label: "n", replacement: "1" },
        { source_labels: ["n"], regex: "1", action: "drop" },
      ],
      undefined,
    ],
  ];
  for (const [name, rules, changes] of cases) {
    const result = relabel(Labels.of(INPUT), rules.map(rule));
    const expected = changes === undefined ? undefined : Labels.of({ ...INPUT, ...changes }).toObject();
    assert.deepEqual(result?.toObject(), expected, name);
  }
});

test("validateRelabelConfig() refuses what makes no sense, by naming scheme", () => {
  const cases: [settings: Partial<RelabelConfig>, message: RegExp | undefined, legacy?: boolean][] = [
    [{ action: "" }, /relabel action cannot be empty/],
    [{ target_label: "" }, /replace action requires 'target_label' value/],
    [{ target_label: "a-b" }, /"a-b" is invalid 'target_label' for replace action/, true],
    [{ target_label: "a-b" }, undefined],
    [{ target_label: "a_$1" }, undefined, true],
    [{ action: "labelmap", replacement: "x-$1" }, /invalid 'replacement'/, true],
    [{ action: "hashmod", target_label: "a" }, /non-zero modulus/],
    [{ action: "labelkeep", source_labels: ["a"] }, /labelkeep action requires only 'regex'/],
  ];
  for (const [settings, message, legacy] of cases) {
    const validate = () => validateRelabelConfig(rule(settings), legacy ? "legacy" : "utf8");
    if (message === undefined) validate();
    else assert.throws(validate, message);
  }
});
