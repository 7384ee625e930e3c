import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "./config/strict-yaml.ts";
import { FlagSyntaxError, parseFlags, routePrefixOf } from "./flags.ts";
import { checkFlags } from "./startup-checks.ts";
import { StartupError } from "./startup-error.ts";

test("parseFlags() tells a command line that is none from a value that its flag does not take", () => {
  const none: [string, string][] = [
    ["--loud", "unknown long flag '--loud'"],
    ["-v", "unknown short flag '-v'"],
    ["more", "unexpected more"],
    ["--config.file", "expected argument for flag '--config.file'"],
    ["--web.enable-lifecycle=yes", "unexpected yes"],
  ];
  for (const [argument, message] of none) {
    assert.throws(
      () => parseFlags([argument]),
      (error) => {
        assert.ok(error instanceof FlagSyntaxError, argument);
        assert.equal(error.message, message);
        return true;
      },
    );
  }
  const values: [string, string][] = [
    ["--query.timeout=1q", 'unknown unit "q" in duration "1q"'],
    ["--query.max-samples=many", 'strconv.ParseFloat: parsing "many": invalid syntax'],
    ["--log.level=high", "unrecognized log level high"],
    ["--storage.tsdb.wal-compression-type=lz4", "enum value must be one of snappy,zstd, got 'lz4'"],
    [
      "--web.remote-write-receiver.accepted-protobuf-messages=v3",
      "unknown type for remote write protobuf message v3, supported: prometheus.WriteRequest, io.prometheus.write.v2.Request",
    ],
  ];
  for (const [argument, message] of values) {
    assert.throws(
      () => parseFlags([argument]),
      (error) => {
        assert.ok(error instanceof ConfigError && !(error instanceof FlagSyntaxError), argument);
        assert.equal(error.message, message);
        return true;
      },
    );
  }
});

test("checkFlags() refuses what upstream refuses, with its exit codes", () => {
  const cases: [flags: string[], exitCode: number, message: string][] = [
    [["--agent"], 2, "Agent mode is not supported"],
    [
      ["--agent", "--query.timeout=1m", "--storage.tsdb.path=x"],
      3,
      'The following flag(s) can not be used in agent mode: ["--query.timeout" "--storage.tsdb.path"]',
    ],
    [
      ["--storage.agent.path=x"],
      3,
      'The following flag(s) can only be used in agent mode: ["--storage.agent.path"]',
    ],
    [
      ["--web.search.max-limit=-1"],
      1,
      "--web.search.max-limit must be non-negative; got -1 (use 0 to disable the cap)",
    ],
    [
      ["--auto-gomemlimit.ratio=1.5"],
      1,
      "--auto-gomemlimit.ratio must be greater than 0 and less than or equal to 1.",
    ],
    [["--web.external-url=:x"], 2, 'parse external URL ":x": parse ":x": missing protocol scheme'],
    [
      ["--web.external-url='http://x'"],
      2,
      `parse external URL "'http://x'": URL must not begin or end with quotes`,
    ],
    [["--web.listen-address=here"], 2, 'parse external URL "": address here: missing port in address'],
    [
      ["--web.cors.origin=("],
      2,
      'could not compile CORS regex string "(": error parsing regexp: missing closing ): `^(?s:()$`',
    ],
  ];
  for (const [given, exitCode, message] of cases) {
    assert.throws(
      () => checkFlags(parseFlags(given)),
      (error) => {
        assert.ok(error instanceof StartupError, message);
        assert.deepEqual([error.exitCode, error.message], [exitCode, message]);
        return true;
      },
    );
  }
  for (const url of ["", "proxy", "http://x:1/a/"]) checkFlags(parseFlags([`--web.external-url=${url}`]));
});

test("routePrefixOf() is the path of an external URL, absolute or not", () => {
  assert.equal(routePrefixOf(parseFlags(["--web.external-url=http://x:1/a/b/"])), "/a/b");
  assert.equal(routePrefixOf(parseFlags(["--web.external-url=proxy?x"])), "/proxy");
  assert.equal(routePrefixOf(parseFlags(["--web.external-url=http://x", "--web.route-prefix=/r"])), "/r");
});
