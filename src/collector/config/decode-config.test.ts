import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { createNodeNetwork } from "../../base/node-network.ts";
import { seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../simulation/virtual/virtual-clock.ts";
import {
  ALL_SIGNALS,
  type ConnectorFactory,
  type ExporterFactory,
  type ExtensionFactory,
  type ProcessorFactory,
} from "../component.ts";
import { FACTORIES, type Factories } from "../factories.ts";
import { Service } from "../service/service.ts";
import { parseComponentId } from "./component-id.ts";
import { ConfigError } from "./config-error.ts";
import { decodeConfig } from "./decode-config.ts";
import { ExpandedValue, envProvider, expand } from "./expand.ts";
import { merge } from "./load-config.ts";
import { object } from "./schema.ts";

const nop = { type: "nop", schema: object({}) };
const processor: ProcessorFactory<object> = {
  ...nop,
  signals: ALL_SIGNALS,
  create: (_c, _s, next) => ({ consume: next }),
};
const connector: ConnectorFactory<object> = {
  ...nop,
  routes: ALL_SIGNALS.flatMap((from) => ALL_SIGNALS.map((to) => [from, to] as const)),
  create: () => ({ consume: async () => {} }),
};
const logsOnly: ExporterFactory<object> = {
  ...nop,
  type: "nop_logs",
  signals: ["logs"],
  create: () => ({ consume: async () => {} }),
};
const extension: ExtensionFactory<object> = { ...nop, create: () => ({}) };

/** Upstream's tests have a `nop` of every kind. */
const WITH_NOPS = {
  receiver: [...FACTORIES.receiver, { ...logsOnly, create: () => ({}) }],
  processor: [...FACTORIES.processor, processor],
  exporter: [...FACTORIES.exporter, logsOnly],
  connector: [...FACTORIES.connector, connector],
  extension: [...FACTORIES.extension, extension],
} as unknown as Factories;

function decode(yaml: string, factories = WITH_NOPS) {
  return decodeConfig(parse(yaml), { disk: systemDisk, providers: {}, factories, warn: () => {} });
}

function build(yaml: string): Service {
  return new Service(decode(yaml), WITH_NOPS, {
    log: silentLogger,
    clock: new VirtualClock(),
    random: seededRandom(1),
    network: createNodeNetwork(() => {}),
    disk: systemDisk,
    print: () => {},
    memoryUsage: () => 0,
  });
}

const NOP = "receivers: { nop: }\nexporters: { nop: }\n";
const PIPELINE = "service: { pipelines: { traces: { receivers: [nop], exporters: [nop] } } }\n";

test("decodeConfig() fails with upstream's words", () => {
  const head =
    "failed to get config: cannot unmarshal the configuration: decoding failed due to the following error(s):\n\n";
  const otlp = (settings: string) =>
    `receivers: { otlp: ${settings} }\nexporters: { nop: }\n${PIPELINE.replace("[nop]", "[otlp]")}`;
  const batch = (settings: string) => `${NOP}processors: { batch: ${settings} }\n${PIPELINE}`;
  const cases: [yaml: string, message: string][] = [
    [
      "{}",
      "invalid configuration: empty configuration file\nservice::pipelines: service must have at least one pipeline",
    ],
    [
      "exporters: { nop: }",
      "invalid configuration: no receiver configuration specified in config\nservice::pipelines: service must have at least one pipeline",
    ],
    [
      "receivers: { nop: }",
      "invalid configuration: no exporter configuration specified in config\nservice::pipelines: service must have at least one pipeline",
    ],
    [NOP, "invalid configuration: service::pipelines: service must have at least one pipeline"],
    [`${NOP}recievers: {}\n${PIPELINE}`, `${head}'otelcol.configSettings' has invalid keys: recievers`],
    [
      `${NOP}processors: { nosuch: }\n${PIPELINE}`,
      `${head}'processors' unknown type: "nosuch" for id: "nosuch" (valid values: [attributes batch memory_limiter nop resource])`,
    ],
    [
      `${NOP}service: { pipelines: { traces: { receivers: [nop, x], exporters: [nop] } } }`,
      'invalid configuration: service::pipelines::traces: references receiver "x" which is not configured',
    ],
    [
      `${NOP}service: { pipelines: { traces: { receivers: [nop], processors: [x], exporters: [nop] } } }`,
      'invalid configuration: service::pipelines::traces: references processor "x" which is not configured',
    ],
    [
      `${NOP}processors: { nop: }\nservice: { pipelines: { traces: { receivers: [nop], processors: [nop, nop], exporters: [nop] } } }`,
      'invalid configuration: service::pipelines::traces: references processor "nop" multiple times',
    ],
    [
      `${NOP}service: { pipelines: { traces: { receivers: [nop] } } }`,
      "invalid configuration: service::pipelines::traces: must have at least one exporter",
    ],
    [
      `${NOP}service: { pipelines: { trace: { receivers: [nop], exporters: [nop] } } }`,
      `${head}'service.pipelines' in "trace" id: unknown pipeline signal: "trace"`,
    ],
    [
      `${NOP}service: { extensions: [x], pipelines: { traces: { receivers: [nop], exporters: [nop] } } }`,
      'invalid configuration: service::extensions: references extension "x" which is not configured',
    ],
    [
      `${NOP}connectors: { nop: }\n${PIPELINE}`,
      'invalid configuration: connectors::nop: ambiguous ID: Found both "nop" exporter and "nop" connector. Change one of the components\' IDs to eliminate ambiguity (e.g. rename "nop" connector to "nop/connector")',
    ],
    [
      otlp("{ protocols: { htttp: {} } }"),
      `${head}'receivers' error reading configuration for "otlp": decoding failed due to the following error(s):\n\n'protocols' has invalid keys: htttp`,
    ],
    [
      otlp("{ protocols: {} }"),
      "invalid configuration: receivers::otlp: must specify at least one protocol when using the OTLP receiver",
    ],
    [
      batch("{ timeout: 10 s }"),
      `${head}'processors' error reading configuration for "batch": decoding failed due to the following error(s):\n\n'timeout' time: unknown unit`,
    ],
    [
      batch("{ send_batch_size: '5' }"),
      `${head}'processors' error reading configuration for "batch": decoding failed due to the following error(s):\n\n'send_batch_size' expected type 'uint32', got unconvertible type 'string'`,
    ],
    [
      batch("{ send_batch_size: 5, send_batch_max_size: 4 }"),
      "invalid configuration: processors::batch: send_batch_max_size must be greater or equal to send_batch_size",
    ],
    [
      `${NOP}processors: { memory_limiter: { limit_mib: 5 } }\n${PIPELINE}`,
      "invalid configuration: processors::memory_limiter: 'check_interval' must be greater than zero",
    ],
    [
      `${NOP.replace("nop: }\n", "nop: }\n").replace("exporters: { nop: }", "exporters: { nop: , logging: }")}${PIPELINE}`,
      `${head}'exporters' the logging exporter has been deprecated, use the debug exporter instead`,
    ],
    [
      `${NOP}${PIPELINE}`.replace("service: {", "service: { telemetry: { metrics: { address: ':8888' } },"),
      `${head}'service.telemetry.metrics' decoding failed due to the following error(s):\n\n'migration.MetricsConfigV030' has invalid keys: address`,
    ],
  ];
  for (const [yaml, message] of cases)
    assert.throws(() => decode(yaml), { name: "ConfigError", message }, yaml);
});

test("a connector has to be used on both sides, and not in a circle", () => {
  const service = (pipelines: string) =>
    `${NOP}connectors: { forward: , forward/2: }\nservice: { pipelines: ${pipelines} }`;
  const cases: [pipelines: string, message: string][] = [
    [
      "{ traces: { receivers: [nop], exporters: [forward] } }",
      'failed to build pipelines: connector "forward" used as exporter in [traces] pipeline but not used in any supported receiver pipeline',
    ],
    [
      "{ traces: { receivers: [nop], exporters: [forward] }, logs: { receivers: [forward], exporters: [nop] } }",
      'failed to build pipelines: connector "forward" used as exporter in [traces] pipeline but not used in any supported receiver pipeline',
    ],
    [
      "{ traces: { receivers: [forward], exporters: [nop] } }",
      'failed to build pipelines: connector "forward" used as receiver in [traces] pipeline but not used in any supported exporter pipeline',
    ],
    [
      "{ traces: { receivers: [forward], exporters: [forward] } }",
      'failed to build pipelines: cycle detected: connector "forward" (traces to traces) -> connector "forward" (traces to traces)',
    ],
  ];
  for (const [pipelines, message] of cases)
    assert.throws(() => build(service(pipelines)), { name: "ConfigError", message });
  assert.ok(
    build(
      service(
        "{ traces: { receivers: [nop], exporters: [forward] }, traces/2: { receivers: [forward], exporters: [nop] } }",
      ),
    ),
  );
});

test("merge() joins maps, replaces lists, and lets nothing erase", () => {
  const base = { processors: { batch: { timeout: 1 }, resource: {} }, list: [1, 2] };
  assert.deepEqual(merge(base, { processors: { batch: { size: 2 } }, list: [3] }), {
    processors: { batch: { timeout: 1, size: 2 }, resource: {} },
    list: [3],
  });
  assert.deepEqual(merge(base, { processors: null }), { processors: null, list: [1, 2] });
});

test("parseComponentId() takes upstream's ids", () => {
  assert.deepEqual(parseComponentId(" otlp / 2 "), { type: "otlp", name: "2" });
  for (const text of [
    "",
    "/2",
    "otlp/",
    "1otlp",
    "ot-lp",
    `otlp/${"x".repeat(1025)}`,
    "otlp/a b",
    "otlp/a+b",
  ]) {
    assert.throws(() => parseComponentId(text), text);
  }
});

const plain = (value: unknown): unknown => {
  if (value instanceof ExpandedValue) return plain(value.value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
};

test("expand() fills in variables, keeps the text of values, and warns of what is not set", async () => {
  const warnings: string[] = [];
  const env = {
    PORT: "0123",
    ON: "true",
    EMPTY: "",
    LIST: "[a, b]",
    QUOTED: '"0123"',
    NOTE: "true # ${a.b}",
  };
  const warn = (message: string) => warnings.push(message);
  const providers = { env: envProvider(env, { warn, info: () => {} }) };
  const tree = (await expand(
    {
      a: "${PORT}",
      b: "x:${env:PORT}",
      c: "${env:ON}",
      d: "${env:MISSING}",
      e: "${env:MISSING:-}",
      f: "${LIST}",
      g: "${EMPTY}",
      h: "${QUOTED}",
      i: "${NOTE}",
      // An escaped one ends the search.
      j: "$${ON} ${ON}",
    },
    { providers },
  )) as Record<string, ExpandedValue>;
  assert.equal(tree["a"].original, "0123");
  assert.deepEqual(plain(tree), {
    a: 83,
    b: "x:0123",
    c: true,
    d: null,
    e: "",
    f: ["a", "b"],
    g: null,
    h: '"0123"',
    i: true,
    j: "${ON} ${ON}",
  });
  // Its text alone cannot be expanded, so that there is none.
  assert.equal(tree["i"], true);
  assert.deepEqual(warnings, ["Configuration references unset environment variable"]);
  await assert.rejects(expand("${env:1A}", { providers }), /has invalid name: must match regex/);
  await assert.rejects(expand("${vault:x}", { providers }), {
    message: 'scheme "vault" is not supported for uri "vault:x"',
  });
  await assert.rejects(expand("${ON:-x}", { providers }), {
    message: 'scheme "ON" is not supported for uri "ON:-x"',
  });
  await assert.rejects(expand("${A_B:-x}", { providers }), { message: 'invalid uri: "A_B:-x"' });
  await assert.rejects(expand("${env:${$x}}", { providers }), {
    message: "the uri \"env:$x\" contains unsupported characters ('$')",
  });
  const endless = { env: () => "${env:A}" };
  await assert.rejects(expand("${env:A}", { providers: endless }), {
    message: "too many recursive expansions",
  });
});

const folder = ["../../../../shared", "../../../../../shared"]
  .map((path) => new URL(`${path}/conformance/collector-config/`, import.meta.url))
  .find((url) => existsSync(url));
const skip = folder === undefined ? "no conformance data beside the repository" : false;
const read = (file: string) => readFileSync(new URL(file, folder), "utf8");

test("upstream's escapes expand as upstream says", { skip }, async () => {
  const env = {
    ENV_VALUE: "testing",
    ENV_LIST: "['$$ESCAPE_ME','$${ESCAPE_ME}','$${env:ESCAPE_ME}']",
    ENV_MAP: "{'key1':'$$ESCAPE_ME','key2':'$${ESCAPE_ME}','key3':'$${env:ESCAPE_ME}'}",
    ENV_NESTED_DOLLARSIGN: "here is 1 $$",
    ENV_NESTED_DOLLARSIGN_ESCAPED: "here are 2 $$$",
    ENV_EXPAND_NESTED: "${env:ENV_VALUE} came from nested expansion",
  };
  const expanded = plain(
    await expand(parse(read("expand-escaped-env.yaml")), {
      providers: { env: envProvider(env, silentLogger) },
    }),
  );
  assert.deepEqual(expanded, {
    test_map: {
      key1: "$ENV_VALUE",
      key2: "$$ENV_VALUE",
      key3: "$testing",
      key4: "sometestingtext",
      key5: "some${ENV_VALUE}text",
      key6: "${ONE}${TWO}",
      key7: "text$",
      key8: "$",
      key9: "${1}${env:2}",
      key10: "some${env:ENV_VALUE}text",
      key11: "${env:testing}",
      key12: "${env:${ENV_VALUE}}",
      key13: "env:MAP_VALUE_2}${ENV_VALUE}{",
      key14: "$testing",
      key15: "$ENV_VALUE",
      key16: ["$ESCAPE_ME", "${ESCAPE_ME}", "${env:ESCAPE_ME}"],
      key17: { key1: "$ESCAPE_ME", key2: "${ESCAPE_ME}", key3: "${env:ESCAPE_ME}" },
      key18: "here is 1 $",
      key19: "here are 2 $$",
      key20: "testing came from nested expansion",
      key21: "default_value",
      key22: "${env:UNDEFINED_KEY:-${env:UNDEFINED_KEY}}",
    },
  });
});

test("upstream's configurations are accepted and refused as upstream does", { skip }, () => {
  for (const file of ["otelcol-nop.yaml", "otelcol-valid-connector-use.yaml"])
    assert.ok(build(read(file)), file);
  const refused: [file: string, message: RegExp][] = [
    ["otelcol-invalid.yaml", /references processor "invalid" which is not configured/],
    [
      "otelcol-invalid-components.yaml",
      /unknown type: "nosuchprocessor" for id: "nosuchprocessor" \(valid values: \[/,
    ],
    [
      "otelcol-invalid-receiver-type.yaml",
      /failed to build pipelines: failed to create "nop_logs" receiver for data type "traces": telemetry type is not supported/,
    ],
    [
      "otelcol-invalid-connector-unused-exp.yaml",
      /connector "nop\/connector1" used as receiver in \[logs\/in2\] pipeline but not used in any supported exporter pipeline/,
    ],
    [
      "otelcol-cyclic-connector.yaml",
      /cycle detected: connector "nop\/forward" \(traces to traces\) -> connector "nop\/forward" \(traces to traces\)/,
    ],
  ];
  for (const [file, message] of refused) {
    assert.throws(
      () => build(read(file)),
      (error: Error) => error instanceof ConfigError && message.test(error.message),
      file,
    );
  }
});
