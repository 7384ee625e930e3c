import assert from "node:assert/strict";
import test from "node:test";
import { addLabels, compileLabels, compileMetric } from "./custom-metric.ts";
import { type MetricConfig, parseCustomResourceConfig } from "./custom-resource-config.ts";
import { checkCustomResource, type Definition, versionsMeant } from "./custom-resource-kind.ts";
import { goText, toNumber } from "./number-value.ts";
import { compilePath } from "./value-path.ts";

const SHIP = {
  crew: [
    { role: "cook", count: 1, aboard: true },
    { role: "sailor", count: 7, aboard: false },
  ],
  holds: { fore: { tons: 3 }, aft: { tons: "x" } },
  state: "Docked",
};

function told(config: MetricConfig, object: unknown = SHIP) {
  const errors: string[] = [];
  const values = compileMetric(config).values(object, ({ message }) => errors.push(message));
  return { values: values.map(({ labels, value }) => `${JSON.stringify(labels)} ${value}`), errors };
}

test("paths go by key, by index from both ends, and by what an element says", () => {
  const cases: [path: string[], found: unknown][] = [
    [["crew", "0", "role"], "cook"],
    [["crew", "-1", "role"], "sailor"],
    [["crew", "2"], undefined],
    [["crew", "[role=sailor]", "count"], 7],
    [["crew", "[count=7.0]", "role"], "sailor"],
    [["crew", "[aboard=true]", "role"], "cook"],
    [["crew", "[role=captain]", "count"], undefined],
    [["state=Docked"], "Docked"],
    [["state=Sunk"], undefined],
    [["state", "deeper"], undefined],
  ];
  for (const [path, found] of cases) assert.equal(compilePath(path).read(SHIP), found, path.join("."));
  assert.throws(() => compilePath(["crew", "[cook]"]), { message: "invalid list lookup: [cook]" });
});

test("numbers come from words, times, quantities and percentages; the rest says what it is", () => {
  const cases: [unknown, number | string][] = [
    [true, 1],
    ["Yes", 1],
    ["unknown", 0],
    ["1970-01-01T00:01:00Z", 60],
    ["5Ki", 5_120],
    ["40%", 0.4],
    [null, "expected number but found nil value"],
    [{ a: [1, "b"] }, "expected number but was map[a:[1 b]]"],
    ["soon", 'strconv.ParseFloat: parsing "soon": invalid syntax'],
  ];
  for (const [value, expected] of cases) {
    const found = toNumber(value, false);
    assert.equal(found instanceof Error ? found.message : found, expected, goText(value));
  }
  assert.equal(toNumber(undefined, true), 0);
});

test("a gauge has a value for each element, and errors name the path", () => {
  const ofCrew = { path: ["crew"], valueFrom: ["count"], labelsFromPath: { role: ["role"] } };
  assert.deepEqual(told({ type: "Gauge", gauge: ofCrew }).values, [
    '{"role":"cook"} 1',
    '{"role":"sailor"} 7',
  ]);
  const ofHolds = { path: ["holds"], valueFrom: ["tons"], labelFromKey: "hold" };
  assert.deepEqual(told({ type: "gauge", gauge: ofHolds }).values, ['{"hold":"fore"} 3']);
  assert.deepEqual(told({ type: "gauge", gauge: { path: ["state"] } }).errors, [
    '[state]: []: strconv.ParseFloat: parsing "Docked": invalid syntax',
  ]);
  assert.deepEqual(told({ type: "gauge", gauge: { path: ["mast"] } }).errors, [
    "[mast]: got nil while resolving path",
  ]);
});

test("a set of states has a value for each state of its list, and must find a word", () => {
  const stateSet = { valueFrom: ["state"], labelName: "s", list: ["Sunk", "Docked"] };
  assert.deepEqual(told({ type: "StateSet", stateSet }).values, ['{"s":"Docked"} 1', '{"s":"Sunk"} 0']);
  assert.deepEqual(told({ type: "StateSet", stateSet: { ...stateSet, valueFrom: ["crew"] } }).errors, [
    "[crew]: expected value for path to be string, got []interface {}",
  ]);
  assert.deepEqual(told({ type: "StateSet", stateSet: { ...stateSet, valueFrom: ["flag"] } }), {
    values: [],
    errors: [],
  });
});

test("labels with a star are all the fields of an object, and named ones win", () => {
  const labels: Record<string, string> = {};
  addLabels(
    { tags: { "a/b": 1, c: true } },
    compileLabels({ "*": ["tags"], "tag_*": ["tags"], c: ["none"] }),
    labels,
  );
  assert.deepEqual(labels, { a_b: "1", c: "true", tag_a_b: "1", tag_c: "true" });
});

test("a configuration that is not whole is refused before anything is followed", () => {
  const resource = (metric: string) =>
    parseCustomResourceConfig(
      `spec: {resources: [{groupVersionKind: {group: g, version: v1, kind: K}, metrics: [{name: m, each: ${metric}}]}]}`,
    )[0];
  const cases: [metric: string, message: string][] = [
    ["{type: Histogram}", "m: unknown metric type histogram"],
    ["{type: Gauge}", "m: expected each.gauge to not be nil"],
    ['{type: Info, info: {path: ["[x]"]}}', "m: each.info: path: invalid list lookup: [x]"],
  ];
  for (const [metric, message] of cases)
    assert.throws(() => checkCustomResource(resource(metric)), { message });
  assert.throws(() => parseCustomResourceConfig("spec: {resources: [{}]}"), /must be a list/);
  assert.throws(() => parseCustomResourceConfig("{"), /failed to parse Custom Resource State metrics/);
  const definition = {
    spec: {
      group: "g",
      names: { kind: "K", plural: "ks" },
      versions: [{ name: "v1" }, { name: "v2" }, { name: "v0", served: false }],
    },
  } as unknown as Definition;
  const meant = (version: string, kind: string) =>
    versionsMeant({ groupVersionKind: { group: "g", version, kind }, metrics: [] }, definition);
  assert.deepEqual(
    [meant("*", "K"), meant("v2", "*"), meant("v0", "K"), meant("v1", "L")],
    [["v1", "v2"], ["v2"], [], []],
  );
});
