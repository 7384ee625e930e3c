/**
 * `topology replay` of a week: a data directory of 10,000 series at 15 s, of which the ScaledObject's query reads the
 * hundred of a tier. A variant's time is what one more variant takes, the query's own time and the start shared out.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/base/clock.ts";
import { systemDisk } from "../../src/base/disk.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Labels } from "../../src/model/labels.ts";
import { openTsdb } from "../../src/prometheus/mod.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const MANIFESTS = fileURLToPath(new URL("../../k8s/test-topology/manifests", import.meta.url));
const SERIES = 10_000;
const PODS = 100;
const STEP_MS = 15_000;
const DAYS = 7;
const BLOCK_STEPS = (2 * 3_600_000) / STEP_MS;
/** Variants of one run: as it is, and these. */
const VARIANTS = 10;

/** Wall seconds a variant, by round. `BENCH_REPLAY_DATA` names a data directory to keep and to use again. */
export async function replaySeconds(rounds: number, log: (line: string) => void): Promise<number[]> {
  const kept = process.env.BENCH_REPLAY_DATA;
  const directory = kept ?? join(mkdtempSync(join(tmpdir(), "replay-")), "data");
  if (!existsSync(directory)) await writeWeek(directory, log);
  try {
    const policy = join(MANIFESTS, "scaledobject.yaml");
    return Array.from({ length: rounds }, () => {
      const start = performance.now();
      const vary = `threshold=1..${VARIANTS - 1}`;
      const args = [MAIN, "replay", "--data", directory, "--scaled-object", policy, "--vary", vary, "--json"];
      const { status, stderr, stdout } = spawnSync(process.execPath, args, {
        encoding: "utf8",
        maxBuffer: 2 ** 30,
      });
      const seconds = (performance.now() - start) / 1000;
      if (status !== 0) throw new Error(stderr);
      const { variants } = JSON.parse(stdout) as { variants: { summary: { changes: number } }[] };
      log(`${variants.length} variants in ${seconds.toFixed(1)} s, ${variants[0].summary.changes} changes`);
      return seconds / variants.length;
    });
  } finally {
    if (kept === undefined) rmSync(join(directory, ".."), { recursive: true });
  }
}

/** A week up to now: tenants come by day and go by night, everything else counts on. */
async function writeWeek(directory: string, log: (line: string) => void): Promise<void> {
  const random = seededRandom(1);
  const parts = { disk: systemDisk, clock: systemClock, random, log: silentLogger };
  const store = await openTsdb({ ...parts, directory, compactInBackground: false });
  const endMs = Math.floor(systemClock.now() / STEP_MS) * STEP_MS;
  const count = (DAYS * 24 * 3_600_000) / STEP_MS;
  const refs = new Float64Array(SERIES);
  for (let step = 0; step < count; step++) {
    const atMs = endMs - (count - 1 - step) * STEP_MS;
    const daytime = (1 - Math.cos((2 * Math.PI * (atMs % 86_400_000)) / 86_400_000)) / 2;
    const appender = store.appender();
    for (let id = 0; id < SERIES; id++) {
      const value = id < PODS ? Math.round(daytime * 0.2 + random.float() * 0.1) : step * (1 + (id % 7));
      if (step === 0) refs[id] = appender.append(0, labelsOf(id), atMs, value);
      else appender.appendKnown(refs[id], atMs, value);
    }
    await appender.commit();
    if (step % BLOCK_STEPS === BLOCK_STEPS - 1) await store.compact();
    if (step % 5760 === 5759) log(`${(step + 1) / 5760} of ${DAYS} days written`);
  }
  await store.close();
}

function labelsOf(id: number): Labels {
  const pod = `test-db-small-${id % PODS}`;
  if (id === 0) return Labels.of({ __name__: "up", job: "prometheus", instance: "localhost:9090" });
  if (id < PODS) return Labels.of({ __name__: "percolate_active_tenants", tier: "small", pod });
  return Labels.of({
    __name__: `metric_${Math.floor(id / PODS)}_total`,
    tier: "small",
    pod,
    job: "kubernetes-pods",
  });
}
