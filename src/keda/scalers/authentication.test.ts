import assert from "node:assert/strict";
import { test } from "node:test";
import { type Authentication, tlsOptions } from "./authentication.ts";

const KEYS = { ca: "authority", cert: "certificate", key: "key" };

test("tlsOptions() trusts the given authority, and shows a certificate where the mode is tls", () => {
  const cases: [given: object | undefined, unsafeSsl: boolean, expected: object][] = [
    [undefined, false, {}],
    [undefined, true, { insecure: true }],
    [{ modes: ["bearer"], ca: "authority" }, false, { ca: "authority" }],
    [{ modes: ["tls"], ...KEYS }, false, { ca: "authority", identity: { cert: "certificate", key: "key" } }],
    [
      { modes: ["tls", "basic"], cert: "certificate", key: "key" },
      true,
      { identity: { cert: "certificate", key: "key" }, insecure: true },
    ],
    [{ modes: ["basic"], ...KEYS }, false, { ca: "authority" }],
  ];
  for (const [given, unsafeSsl, expected] of cases) {
    assert.deepEqual(tlsOptions(given as Authentication | undefined, unsafeSsl), expected);
  }
});
