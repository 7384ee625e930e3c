import assert from "node:assert/strict";
import { test } from "node:test";
import {
  duration,
  flag,
  formatDurationMs,
  helpText,
  integer,
  optionalText,
  parseDurationMs,
  parseOptions,
  positive,
  text,
  UsageError,
} from "./options.ts";

const OPTIONS = {
  "data-dir": text("DIR", "where", ".topology"),
  detach: flag("in the background"),
  tenants: integer("N", "how many", 5, { min: 1, max: 100 }),
  rate: positive("R", "per second", 2.5),
  duration: duration("how long", 60_000),
  only: optionalText("NAME", "just this"),
};

test("parseOptions() gives defaults for what is absent and says what was given", () => {
  const { values, given } = parseOptions(["--tenants", "7", "--detach"], OPTIONS);
  assert.deepEqual(values, {
    "data-dir": ".topology",
    detach: true,
    tenants: 7,
    rate: 2.5,
    duration: 60_000,
    only: undefined,
  });
  assert.deepEqual([...given].sort(), ["detach", "tenants"]);
});

test("parseOptions() names the option that is wrong", () => {
  const cases: [args: string[], message: RegExp][] = [
    [["--tenant", "7"], /--tenant/],
    [["--tenants", "0"], /--tenants 0: must be a whole number from 1 to 100/],
    [["--tenants", "101"], /--tenants 101/],
    [["--tenants", "1.5"], /--tenants 1.5/],
    [["--tenants"], /--tenants/],
    [["--rate", "0"], /--rate 0: must be a number above 0/],
    [["--duration", "5 minutes"], /--duration 5 minutes: must be a duration/],
    [["stray"], /unexpected argument "stray"/],
  ];
  for (const [args, message] of cases) {
    assert.throws(
      () => parseOptions(args, OPTIONS),
      (error) => error instanceof UsageError && message.test(error.message),
      args.join(" "),
    );
  }
});

test("an option may have a letter too", () => {
  const options = { namespace: { ...text("NAME", "whose", "default"), short: "n" } };
  for (const args of [["-n", "shop"], ["--namespace", "shop"], ["-nshop"]]) {
    assert.equal(parseOptions(args, options).values.namespace, "shop");
  }
  assert.match(
    helpText("show", "Shows.", options),
    /^ {2}-n, --namespace NAME {2}whose \(default default\)$/m,
  );
});

test("parseDurationMs() and formatDurationMs() are each other's inverse", () => {
  const cases: [string, number][] = [
    ["500ms", 500],
    ["90s", 90_000],
    ["1m30s", 90_000],
    ["1h", 3_600_000],
    ["2h5s", 7_205_000],
  ];
  for (const [shown, durationMs] of cases) assert.equal(parseDurationMs(shown), durationMs, shown);
  assert.equal(formatDurationMs(90_000), "1m30s");
  assert.equal(formatDurationMs(7_205_000), "2h5s");
  for (const bad of ["", "5", "s", "5x", "1m 30s", "-1s"]) assert.throws(() => parseDurationMs(bad), bad);
});

test("helpText() shows every option with its default", () => {
  const help = helpText("up [options]", "Starts it.", OPTIONS);
  for (const part of ["--data-dir DIR", "(default .topology)", "(default 1m)", "--detach"])
    assert.ok(help.includes(part), part);
  assert.ok(!help.includes("undefined"));
});
