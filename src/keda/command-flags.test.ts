import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommandFlags } from "./command-flags.ts";

test("parseCommandFlags() takes flags as upstream's manifests write them", () => {
  const none = parseCommandFlags([]);
  assert.deepEqual(none["ca-dir"], ["/custom/ca"]);
  assert.equal(none["leader-elect"], "false");
  const flags = parseCommandFlags([
    "--leader-elect",
    "--disable-compression=false",
    "--enable-cert-rotation=true",
    "--ca-dir=/a",
    "--ca-dir",
    "/b",
    "--kube-api-qps=5",
    "--enable-webhook-patching",
  ]);
  assert.deepEqual(
    [flags["leader-elect"], flags["disable-compression"], flags["enable-cert-rotation"], flags["ca-dir"]],
    ["true", "false", "true", ["/a", "/b"]],
  );
  assert.deepEqual([flags["kube-api-qps"], flags["enable-webhook-patching"]], ["5", "true"]);
  assert.throws(() => parseCommandFlags(["--no-such-flag"]), /no-such-flag/);
});
