/** What upstream's validation says of configurations, of one mistake and of several. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemDisk } from "../../base/disk.ts";
import { silentLogger } from "../../base/log.ts";
import { FACTORIES } from "../factories.ts";
import { ConfigError, InvalidConfigError } from "./config-error.ts";
import { envProvider } from "./expand.ts";
import { loadConfig } from "./load-config.ts";

function load(uris: string[], env: Record<string, string> = {}) {
  return loadConfig(uris, {
    disk: systemDisk,
    providers: { env: envProvider(env, silentLogger) },
    factories: FACTORIES,
    warn: () => {},
  });
}

/** What is said of a configuration, without the words that all have in front; "" when it is fine. */
async function said(yaml: string, env?: Record<string, string>): Promise<string> {
  try {
    await load([`yaml:${yaml}`], env);
    return "";
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.problem;
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.replace(
      /^failed to get config: cannot (unmarshal the configuration: decoding failed due to the following error\(s\):\n\n|resolve the configuration: )/,
      "",
    );
  }
}

const pipeline = (kind: string, id: string) => `
receivers: { nop: ${kind === "receiver" ? `, ${id}` : ""} }
exporters: { nop: ${kind === "exporter" ? `, ${id}` : ""} }
service: { pipelines: { traces: { receivers: [nop], exporters: [nop] } } }
${kind === "processor" ? `processors: { ${id} }` : ""}`;

const reading = (kind: string, id: string, what: string) =>
  `'${kind}s' error reading configuration for "${id}": decoding failed due to the following error(s):\n\n${what}`;

test("a component's settings are refused in upstream's words", async () => {
  const cases: [kind: string, settings: string, message: string][] = [
    [
      "processor",
      "batch: { foo: 1 }",
      reading("processor", "batch", "'batchprocessor.Config' has invalid keys: foo"),
    ],
    [
      "processor",
      "batch: { send_batch_size: -1 }",
      reading("processor", "batch", "'send_batch_size' cannot parse value as 'uint32': -1 overflows uint"),
    ],
    ["processor", "batch: { timeout: 1d }", reading("processor", "batch", "'timeout' time: unknown unit")],
    [
      "processor",
      "batch: { metadata_keys: [a, A] }",
      'processors::batch: duplicate entry in metadata_keys: "a" (case-insensitive)',
    ],
    ["processor", "batch: { metadata_keys: a }", ""],
    [
      "receiver",
      "otlp: { protocols: { grpc: { foo: 1, bar: 2 } } }",
      reading(
        "receiver",
        "otlp",
        "'protocols.grpc' decoding failed due to the following error(s):\n\n'configgrpc.ServerConfig' has invalid keys: bar, foo",
      ),
    ],
    [
      "receiver",
      "otlp: { protocols: { grpc: { max_recv_msg_size_mib: -5 } } }",
      "receivers::otlp::protocols::grpc: invalid max_recv_msg_size_mib value, must be between 1 and 8796093022207: -5",
    ],
    ["exporter", "otlp_http: {}", "exporters::otlp_http: at least one endpoint must be specified"],
    ["exporter", "otlp_grpc: {}", 'exporters::otlp_grpc: requires a non-empty "endpoint"'],
    [
      "exporter",
      "otlp_grpc: { endpoint: 'a:b', tls: { insecure: true } }",
      'exporters::otlp_grpc::clientconfig: invalid port "b"',
    ],
    [
      "exporter",
      "otlp_grpc: { endpoint: 'a:1', tls: { insecure: true }, retry_on_failure: { multiplier: -1 } }",
      "exporters::otlp_grpc::retry_on_failure: multiplier value must be greater than or equal to 0",
    ],
    [
      "exporter",
      "otlp_grpc: { endpoint: 'a:1', tls: { insecure: true }, sending_queue: { batch: { sizer: requests } } }",
      'exporters::otlp_grpc::sending_queue: `min_size` must be less than or equal to `queue_size`\nbatch: `batch` supports only `items` or `bytes` sizer, found "requests"',
    ],
    [
      "exporter",
      "otlp_grpc: { endpoint: 'a:1', sending_queue: { blocking: true } }",
      reading(
        "exporter",
        "otlp_grpc",
        "'sending_queue' decoding failed due to the following error(s):\n\n'' decoding failed due to the following error(s):\n\n'queuebatch.Config' has invalid keys: blocking",
      ),
    ],
    [
      "exporter",
      "otlp_http: { endpoint: 'http://a', compression: foo }",
      reading("exporter", "otlp_http", "'compression' unsupported compression type \"foo\""),
    ],
    [
      "exporter",
      "debug: { output_paths: [stdout] }",
      "exporters::debug: output_paths is not supported when use_internal_logger is true",
    ],
  ];
  for (const [kind, settings, message] of cases) {
    assert.equal(await said(pipeline(kind, settings)), message, settings);
  }
});

test("all that contradicts itself is said at once", async () => {
  const yaml = `
receivers: { otlp: }
exporters: { otlp_grpc: , otlp_http: }
processors: { batch: { send_batch_size: 5, send_batch_max_size: 4 } }
service: { extensions: [x], pipelines: { traces: { receivers: [y], exporters: [z] }, metrics: {} } }`;
  assert.deepEqual((await said(yaml)).split("\n"), [
    'service::extensions: references extension "x" which is not configured',
    "receivers::otlp: must specify at least one protocol when using the OTLP receiver",
    'exporters::otlp_grpc: requires a non-empty "endpoint"',
    "exporters::otlp_http: at least one endpoint must be specified",
    "processors::batch: send_batch_max_size must be greater or equal to send_batch_size",
    "service::pipelines::metrics: must have at least one receiver",
  ]);
});

test("an expansion to nothing is a zero value, a number for a text keeps its text", async () => {
  const receiver = (field: string) => pipeline("receiver", `otlp: { protocols: { grpc: { ${field} } } }`);
  assert.equal(
    await said(receiver("endpoint: '${env:UNSET}', max_recv_msg_size_mib: '${env:SIZE}'"), { SIZE: "0x10" }),
    "",
  );
  const yaml = pipeline("processor", "batch: { timeout: '${env:UNSET}', send_batch_size: '${env:N}' }");
  const config = await load([`yaml:${yaml}`], { N: "010" });
  const { timeout, send_batch_size } = config.processors.get("batch")!.settings as Record<string, number>;
  assert.deepEqual({ timeout, send_batch_size }, { timeout: 0, send_batch_size: 8 });
});

test("values and whole configurations come from files", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "collector-config-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const pipelines = join(folder, "pipelines.yaml");
  writeFileSync(
    pipelines,
    "# ${not.expanded}\ntraces: { receivers: '${env:RECEIVERS}', exporters: [nop] }\n",
  );
  const main = join(folder, "main.yaml");
  writeFileSync(
    main,
    "receivers: { nop: }\nexporters: { nop: }\nservice: { pipelines: '${file:${env:FOLDER}/pipelines.yaml}' }\n",
  );
  const env = { FOLDER: folder, RECEIVERS: "[nop]" };
  const config = await load([main, "yaml:processors::batch::timeout: 2s"], env);
  assert.deepEqual(config.service.pipelines[0].receivers, ["nop"]);
  assert.equal((config.processors.get("batch")!.settings as { timeout: number }).timeout, 2000);
  await assert.rejects(load([`${folder}/none.yaml`]), {
    message: `failed to get config: cannot resolve the configuration: cannot retrieve the configuration: unable to read the file file:${folder}/none.yaml: open ${folder}/none.yaml: no such file or directory`,
  });
  await assert.rejects(load(["vault:x"]), {
    message: 'failed to get config: cannot resolve the configuration: unsupported scheme on URI "vault:x"',
  });
});
