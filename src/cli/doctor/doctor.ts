/** `topology doctor`: looks for the traps of metrics-driven autoscaling in manifests, or in what runs. */
import type { CliCommand, Machine } from "../../base/machine.ts";
import { PACKAGE_ROOT } from "../../base/program-files.ts";
import type { ScaledObject } from "../../keda/mod.ts";
import { clientOfKubeconfig } from "../../wire/kubernetes/kubeconfig.ts";
import { parseManifests, readManifests } from "../manifests.ts";
import { flag, helpText, optionalText, parseOptions, text, UsageError } from "../options.ts";
import { requireMetadata } from "../replay/replay-triggers.ts";
import { findRunning, openApi } from "../run-state.ts";
import { scaledObjectAdmission } from "../scaled-object-admission.ts";
import type { Finding, Found, Level } from "./doctor-finding.ts";
import { examineConditions, examineQueries, objectsOf } from "./doctor-live.ts";
import { examinePipelines } from "./doctor-pipelines.ts";
import { examineScaledObject } from "./doctor-scaled-object.ts";

const OPTIONS = {
  "data-dir": text("DIR", "of a running topology, which is examined when no PATH is given", ".topology"),
  kubeconfig: optionalText(
    "FILE",
    "examine the cluster that it leads to (a token's, as topology up writes it)",
  ),
  prometheus: optionalText("URL", "ask this Prometheus what the triggers' queries answer"),
  format: text("FORMAT", "text or json", "text"),
  quiet: flag("only what is wrong"),
};

/** Most files and objects that one examination takes. */
export const MAX_OBJECTS = 50_000;
const MAX_PATHS = 1_000;

const SENTENCE = `Looks for what makes autoscaling by metrics go wrong, and says how to mend it: in YAML files or folders, in a running
topology, or in a cluster. Without PATH and without a running topology, the YAML that comes along is examined.`;

/** Exit code 1 when something fails, 0 when there are warnings at most. */
export const command: CliCommand = async (args, machine) => {
  if (args.includes("--help")) {
    machine.print(helpText("doctor [PATH…] [options]", SENTENCE, OPTIONS));
    return 0;
  }
  const { values, positionals } = parseOptions(args, OPTIONS, { positionals: MAX_PATHS });
  if (values.format !== "text" && values.format !== "json")
    throw new UsageError(`--format ${values.format}: text or json`);
  const { what, findings } = await examine(machine, positionals, values);
  const failures = findings.filter(({ level }) => level === "fail").length;
  const warnings = findings.filter(({ level }) => level === "warn").length;
  if (values.format === "json") {
    machine.print(`${JSON.stringify({ examined: what, failures, warnings, findings }, null, 2)}\n`);
  } else {
    machine.print(`${what}\n${report(findings, values.quiet)}`);
    machine.print(
      `\n${failures} to mend, ${warnings} to know, ${findings.length - failures - warnings} good\n`,
    );
  }
  return failures > 0 ? 1 : 0;
};

type Values = { "data-dir": string; kubeconfig?: string; prometheus?: string };

async function examine(
  machine: Machine,
  paths: string[],
  values: Values,
): Promise<{ what: string; findings: Finding[] }> {
  if (paths.length > 0) {
    return { what: paths.join(", "), findings: await examineFiles(machine, await readPaths(machine, paths)) };
  }
  const running =
    values.kubeconfig === undefined ? await findRunning(machine, values["data-dir"]) : undefined;
  if (running === undefined && values.kubeconfig === undefined) {
    const folder = `${PACKAGE_ROOT}/k8s/test-topology`;
    const found = await readManifests(machine.disk, [`${folder}/manifests`, `${folder}/embedded`]);
    return {
      what: `${folder} (nothing runs on ${values["data-dir"]})`,
      findings: await examineFiles(machine, found),
    };
  }
  const api =
    values.kubeconfig === undefined
      ? await openApi(machine, values["data-dir"])
      : clientOfKubeconfig(machine.network, await readText(machine, values.kubeconfig));
  const objects = await objectsOf(api);
  const findings = examineObjects(objects);
  const prometheus = values.prometheus ?? running?.urls.Prometheus;
  for (const found of scaledObjects(objects)) {
    findings.push(...(await examineConditions(api, found)));
    if (prometheus !== undefined)
      findings.push(...(await examineQueries(machine.network, prometheus, found)));
  }
  const what = running === undefined ? values.kubeconfig! : `the topology on ${values["data-dir"]}`;
  return { what, findings };
}

/** Objects that no API server has seen yet. */
async function examineFiles(machine: Machine, objects: Found[]): Promise<Finding[]> {
  const refusals = new Map<Found, string>();
  const refusalOf = await scaledObjectAdmission(machine);
  for (const found of scaledObjects(objects)) {
    const refusal =
      (await refusalOf(found.object)) ??
      (await requireMetadata(found.object).then(
        () => undefined,
        (error: Error) => error.message,
      ));
    if (refusal !== undefined) refusals.set(found, refusal);
  }
  return examineObjects(objects, refusals);
}

/** What can be told from objects alone. */
export function examineObjects(
  objects: Found[],
  refusals: ReadonlyMap<Found, string> = new Map(),
): Finding[] {
  return [
    ...scaledObjects(objects).flatMap((found) => examineScaledObject(found, objects, refusals.get(found))),
    ...examinePipelines(objects),
  ];
}

function scaledObjects(objects: Found[]): Found<ScaledObject>[] {
  return objects.filter(({ object }) => object.kind === "ScaledObject") as Found<ScaledObject>[];
}

async function readPaths(machine: Machine, paths: string[]): Promise<Found[]> {
  const found: Found[] = [];
  for (const path of paths) {
    const stat = await machine.disk.stat(path);
    if (stat === undefined) throw new UsageError(`${path}: no such file or directory`);
    if (stat.isDirectory) found.push(...(await readFolder(machine, path.replace(/\/+$/, ""))));
    else found.push(...parseManifests(await readText(machine, path), path));
    if (found.length > MAX_OBJECTS) throw new UsageError(`more than ${MAX_OBJECTS} objects`);
  }
  if (found.length === 0) throw new UsageError(`${paths.join(", ")}: no objects`);
  return found;
}

/** Every YAML file below the folder; those that are no Kubernetes objects (values, kustomizations) are passed over. */
async function readFolder(machine: Machine, folder: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const name of await machine.disk.list(folder)) {
    const path = `${folder}/${name}`;
    const stat = await machine.disk.stat(path);
    if (stat?.isDirectory) {
      if (!name.startsWith(".") && name !== "node_modules") found.push(...(await readFolder(machine, path)));
    } else if (/\.ya?ml$/.test(name) && !/^(kustomization|values|kind-config)/.test(name)) {
      found.push(...parseManifests(await readText(machine, path), path));
    }
    if (found.length > MAX_OBJECTS) throw new UsageError(`more than ${MAX_OBJECTS} objects`);
  }
  return found;
}

async function readText({ disk }: Machine, path: string): Promise<string> {
  try {
    return new TextDecoder().decode(await disk.readFile(path));
  } catch {
    throw new UsageError(`${path}: no such file`);
  }
}

const MARKS: Record<Level, string> = { ok: "✓", warn: "⚠", fail: "✗" };
const RANK: Record<Level, number> = { fail: 0, warn: 1, ok: 2 };

/** Grouped by object, what is wrong first. */
function report(findings: Finding[], quiet: boolean): string {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    if (quiet && finding.level === "ok") continue;
    const title = finding.source === "" ? finding.object : `${finding.object}  (${finding.source})`;
    groups.set(title, [...(groups.get(title) ?? []), finding]);
  }
  let lines = "";
  for (const [title, group] of groups) {
    lines += `\n${title}\n`;
    for (const { level, check, message, fix } of group.sort((a, b) => RANK[a.level] - RANK[b.level])) {
      lines += `  ${MARKS[level]} ${check}: ${message}\n`;
      if (fix !== undefined) lines += `      fix: ${fix}\n`;
    }
  }
  return lines;
}
