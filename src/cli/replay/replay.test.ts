import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { systemDisk } from "../../base/disk.ts";
import type { Machine } from "../../base/machine.ts";
import type { FetchOptions, FetchResponse } from "../../base/network.ts";
import { PACKAGE_ROOT } from "../../base/program-files.ts";
import { seededRandom } from "../../base/random.ts";
import { UsageError } from "../options.ts";
import { command } from "./replay.ts";

const POLICY = `${PACKAGE_ROOT}/k8s/test-topology/manifests/scaledobject.yaml`;
const SPAN = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:10:00Z"];

/** A Prometheus that answers everything with `status` and `body`; what it was asked is kept. */
function machineWith(status: number, body: string) {
  const asked: FetchOptions[] = [];
  const stop = new AbortController();
  let printed = "";
  let errors = "";
  const fetch = async (_: string, options: FetchOptions = {}) => {
    asked.push(options);
    return { status, headers: {}, text: async () => body } as FetchResponse;
  };
  const machine = {
    print: (text: string) => void (printed += text),
    disk: systemDisk,
    clock: systemClock,
    random: seededRandom(1),
    network: { fetch },
    signal: stop.signal,
    printError: (text: string) => void (errors += text),
  } as unknown as Machine;
  return { machine, asked, printed: () => printed, errors: () => errors, stop };
}

function answerOf(...values: [number, string][]): string {
  const result = values.length === 0 ? [] : [{ metric: {}, values }];
  return JSON.stringify({ status: "success", data: { resultType: "matrix", result } });
}

const START_S = Date.UTC(2026, 0, 1) / 1000;
const SERIES = { metric: {}, values: [[START_S, "1"]] };
const FIVE = answerOf(...Array.from({ length: 41 }, (_, i): [number, string] => [START_S + 15 * i, "5"]));

async function refusal(args: string[], status = 200, body = FIVE): Promise<string> {
  const { machine } = machineWith(status, body);
  let message = "";
  await assert.rejects(command(args, machine), (error: Error) => {
    assert.ok(error instanceof UsageError, error.stack);
    message = error.message;
    return true;
  });
  return message;
}

test("replay asks a Prometheus, and counts what five tenants take", async () => {
  const { machine, printed } = machineWith(200, FIVE);
  const args = ["--prometheus", "http://prom:9090", "--scaled-object", POLICY, ...SPAN, "--json"];
  assert.equal(await command(args, machine), 0);
  const { variants } = JSON.parse(printed()) as { variants: { summary: { peak: number } }[] };
  assert.equal(variants[0].summary.peak, 3);
});

test("replay ends soon after a signal, also in the middle of its steps, and reports nothing", async () => {
  const { machine, printed, errors, stop } = machineWith(200, FIVE);
  const args = ["--prometheus", "http://prom:9090", "--scaled-object", POLICY, "--vary", "threshold=1..400"];
  const whole = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-08T00:00:00Z"];
  setImmediate(() => setImmediate(() => stop.abort(new Error("received SIGTERM"))));
  assert.equal(await command([...args, ...whole], machine), 130);
  assert.equal(printed(), "");
  assert.equal(errors(), "topology: interrupted, nothing is reported\n");
});

test("replay tells what it can't use in a line", async () => {
  const asked = ["--prometheus", "http://prom:9090", "--scaled-object", POLICY, ...SPAN];
  assert.match(await refusal(["--prometheus", "prom"]), /^--prometheus prom: no URL such as/);
  assert.match(
    await refusal(asked, 401, "Unauthorized\n"),
    /: status 401, and no answer of a Prometheus: "Unauthorized"$/,
  );
  const error = JSON.stringify({ status: "error", errorType: "bad_data", error: "invalid parameter" });
  assert.match(await refusal(asked, 400, error), /^sum\(percolate_active_tenants.*: invalid parameter$/);
  assert.match(
    await refusal(asked, 200, answerOf()),
    /answers nothing from 2026-01-01T00:00:00.000Z to 2026-01-01T00:10:00.000Z; is the metric there\?$/,
  );
  assert.match(
    await refusal([...asked, "--vary", "threshold=1.."]),
    /^--vary threshold=1\.\.: error parsing prometheus metadata/,
  );
  assert.match(
    await refusal([...asked, "--vary", "threshold=0"]),
    /^--vary threshold=0: .* must be positive$/,
  );
  for (const [term, message] of [
    ["threshold=", "no values"],
    ["minReplicaCount=1.5", "1.5 is no whole number from 0 to 2147483647"],
    ["pollingInterval=0", "0 is no whole number from 1 to 2147483647"],
    ["scaleDownWindow=3601", "3601 is no whole number from 0 to 3600"],
    ["tolerance=-0.1", "-0.1 is below 0"],
    ["cooldownPeriod=x", '"x" is no number'],
  ]) {
    assert.equal(await refusal([...asked, "--vary", term]), `--vary ${term}: ${message}`);
  }
  assert.match(
    await refusal([...asked, "--pod-cost", "Infinity"]),
    /^--pod-cost Infinity: a cost is a number/,
  );
  assert.match(await refusal([]), /^one of --data DIR and --prometheus URL is needed$/);
  assert.match(
    await refusal(asked, 200, JSON.stringify({ status: "success", data: { result: [SERIES, SERIES] } })),
    /: answers with several series, of which KEDA takes only one: aggregate, by sum\(\)$/,
  );
  assert.match(
    await refusal([...asked, "--html", "/dev/null/page.html"]),
    /^--html \/dev\/null\/page\.html: /,
  );
  assert.match(
    await refusal([...asked, "--horizontal-pod-autoscaler-sync-period", "1ms"]),
    /100ms at least$/,
  );
  assert.match(await refusal(["--data", "x", "--http.config.file", "y"]), /goes with --prometheus$/);
  assert.match(
    await refusal([...asked, "--http.config.file", "/nothing.yml"]),
    /^--http\.config\.file \/nothing\.yml: /,
  );
});

test("replay refuses a ScaledObject as the API server and KEDA do, with the place", async () => {
  const directory = mkdtempSync(join(tmpdir(), "replay-"));
  try {
    const file = join(directory, "so.yaml");
    const refused = async (spec: string) => {
      writeFileSync(
        file,
        `# A comment.\napiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: { name: a }\nspec: { scaleTargetRef: { name: x }, ${spec} }\n`,
      );
      const message = await refusal(["--prometheus", "http://prom:9090", "--scaled-object", file, ...SPAN]);
      return message.replace(directory, "");
    };
    const trigger = (metadata: string) => `triggers: [{ type: prometheus, metadata: { ${metadata} } }]`;
    const good = 'serverAddress: "http://x", query: up, threshold: "2"';
    assert.match(await refused("minReplicaCount: 1"), /^\/so\.yaml:2: .*spec\.triggers: Required value/);
    assert.match(
      await refused(`triggr: [], ${trigger(good)}`),
      /^\/so\.yaml:2: .*unknown field "spec\.triggr"$/,
    );
    assert.match(
      await refused(`minReplicaCount: one, ${trigger(good)}`),
      /spec\.minReplicaCount in body must be of type/,
    );
    assert.match(
      await refused(trigger('serverAddress: "http://x", threshold: "2"')),
      /missing required parameter "query"/,
    );
    assert.match(
      await refused('triggers: [{ type: cpu, metricType: Utilization, metadata: { value: "50" } }]'),
      /nothing can be replayed: of its triggers \(cpu\) none is prometheus or cron$/,
    );
    assert.match(
      await refused(
        'triggers: [{ type: cron, metadata: { timezone: None, start: "0 0 * * *", end: "0 1 * * *", desiredReplicas: "3" } }]',
      ),
      /unknown time zone None$/,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("replay takes what --http.config.file says of the way to ask", async () => {
  const directory = mkdtempSync(join(tmpdir(), "replay-"));
  try {
    const file = join(directory, "http.yml");
    writeFileSync(
      file,
      "authorization: { credentials: abc }\nhttp_headers: { X-Scope-OrgID: { values: [team] } }\n",
    );
    const { machine, asked } = machineWith(200, FIVE);
    const args = [
      "--prometheus",
      "http://prom:9090",
      "--http.config.file",
      file,
      "--scaled-object",
      POLICY,
      ...SPAN,
    ];
    assert.equal(await command(args, machine), 0);
    const sent = JSON.stringify({ ...asked[0].headers, ...asked[0].headerLines });
    assert.match(sent, /Bearer abc/);
    assert.match(sent, /team/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("replay of a file with several ScaledObjects asks which", async () => {
  const directory = mkdtempSync(join(tmpdir(), "replay-"));
  try {
    const file = join(directory, "two.yaml");
    const text = new TextDecoder().decode(await systemDisk.readFile(POLICY));
    writeFileSync(file, `${text}\n---\n${text.replace("name: test-db-small", "name: other")}`);
    const args = ["--prometheus", "http://prom:9090", "--scaled-object", file, ...SPAN];
    assert.match(await refusal(args), /two\.yaml: there are test-db-small, other; choose by --name$/);
    assert.match(await refusal([...args, "--name", "none"]), /--name none: there are test-db-small, other/);
    assert.equal(await command([...args, "--name", "other"], machineWith(200, FIVE).machine), 0);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
