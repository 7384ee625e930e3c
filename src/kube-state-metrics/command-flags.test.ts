import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommandFlags } from "./command-flags.ts";

test("flags: defaults, lists in parts and repeated, switches with and without a value", () => {
  const none = parseCommandFlags([]);
  assert.deepEqual([none.host, none.port, none.telemetryPort, none.resources], ["::", 8080, 8081, undefined]);
  const flags = parseCommandFlags([
    "--port=9000",
    "--resources=pods, nodes",
    "--resources",
    "services",
    "--custom-resource-state-only",
    "--use-apiserver-cache=false",
    "-v=4",
  ]);
  assert.equal(flags.port, 9000);
  assert.deepEqual(flags.resources, ["pods", "nodes", "services"]);
  assert.equal(flags.customResourcesOnly, true);
  assert.equal(parseCommandFlags(["--custom-resource-state-only=F"]).customResourcesOnly, false);
  assert.equal(parseCommandFlags(["-h"]).help, true);
});

test("a flag that cannot be taken is refused in upstream's words", () => {
  for (const [args, message] of [
    [["--bogus"], "unknown flag: --bogus"],
    [["-x"], "unknown shorthand flag: 'x' in -x"],
    [["--port"], "flag needs an argument: --port"],
    [
      ["--port", "abc"],
      'invalid argument "abc" for "--port" flag: strconv.ParseInt: parsing "abc": invalid syntax',
    ],
    [
      ["--use-apiserver-cache=zz"],
      'invalid argument "zz" for "--use-apiserver-cache" flag: strconv.ParseBool: parsing "zz": invalid syntax',
    ],
    [["extra"], 'unknown command "extra" for "kube-state-metrics"'],
    [["--total-shards=2"], "flag --total-shards is not supported here"],
  ] as const) {
    assert.throws(() => parseCommandFlags([...args]), { message });
  }
});
