/** What a scenario changes of the manifests is tried on an API server first: what it refuses is told with its place. */
import { seededRandom } from "../../base/random.ts";
import { ClusterStore } from "../../kubernetes/mod.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import type { KubernetesObject } from "../../model/kubernetes-object.ts";
import { type Scenario, ScenarioError } from "../scenario/scenario.ts";
import type { Path } from "../scenario/scenario-fields.ts";
import type { ScenarioFile } from "../scenario/scenario-files.ts";
import { VirtualClock } from "../virtual/virtual-clock.ts";
import { type Container, programOf } from "./pod-program.ts";
import { resourceOf } from "./simulated-cluster.ts";
import { patched } from "./world-objects.ts";

/** @throws ScenarioError with file, line and field of what is not there, or is refused */
export async function requireApplicable(
  file: Pick<ScenarioFile, "placeOf">,
  scenario: Scenario,
  manifests: KubernetesObject[],
): Promise<void> {
  const refuse = (path: Path, problem: string): never => {
    throw new ScenarioError(`${file.placeOf(path)}: ${path.join(".")}: ${problem}`);
  };
  const byName = new Map(manifests.map((object) => [`${object.kind}/${object.metadata.name}`, object]));
  for (const [name, path] of namesIn(scenario)) {
    if (byName.has(name)) continue;
    const [kind] = name.split("/");
    const others = [...byName.keys()].filter((known) => known.startsWith(`${kind}/`)).sort();
    const known = others.length === 0 ? "" : `; there is ${others.join(", ")}`;
    refuse(path, `there is no ${name} in virtual time${known}`);
  }
  const patchedNames = Object.keys(scenario.patches);
  const faults = [...scenario.faults.entries()].flatMap(([index, { patch }]) =>
    patch === undefined ? [] : [{ index, patch }],
  );
  if (patchedNames.length + faults.length === 0) return;
  const store = await apiServer(manifests);
  const create = async (name: string) => {
    const object = patched(byName.get(name)!, scenario);
    const resource = resourceOf(object);
    if (resource === undefined) return undefined;
    await store.create(resource, structuredClone(object), { fieldValidation: "Strict" });
    return { resource, key: { namespace: object.metadata.namespace, name: object.metadata.name } };
  };
  const made = new Map<string, Awaited<ReturnType<typeof create>>>();
  for (const name of new Set([...patchedNames, ...faults.map(({ patch }) => patch.object)])) {
    const refused = (error: unknown) => refuse(["patch", name], (error as Error).message);
    requireProgram(patched(byName.get(name)!, scenario), (problem) => refuse(["patch", name], problem));
    made.set(name, await create(name).catch(refused));
  }
  for (const { index, patch } of faults) {
    const target = made.get(patch.object);
    if (target === undefined) continue;
    const change = { type: "merge" as const, body: patch.body };
    const refused = (error: unknown) =>
      refuse(["faults", index, "patch", patch.object], (error as Error).message);
    await store.patch(target.resource, target.key, change, { fieldValidation: "Strict" }).catch(refused);
  }
}

/** Every object that a scenario names, and where. */
function namesIn({ patches, faults }: Scenario): [name: string, path: Path][] {
  return [
    ...Object.keys(patches).map((name): [string, Path] => [name, ["patch", name]]),
    ...[...faults.entries()].flatMap(([index, { patch, workloads = {} }]): [string, Path][] => [
      ...(patch === undefined
        ? []
        : [[patch.object, ["faults", index, "patch", patch.object]] as [string, Path]]),
      ...Object.keys(workloads).map((name): [string, Path] => [name, ["faults", index, "scale", name]]),
    ]),
  ];
}

/** An API server that knows the manifests' namespaces and definitions. */
async function apiServer(manifests: KubernetesObject[]): Promise<ClusterStore> {
  const store = new ClusterStore({ clock: new VirtualClock(), random: seededRandom(1) });
  for (const object of manifests) {
    if (object.kind === "Namespace") await store.create(RESOURCES.namespaces, structuredClone(object));
    if (object.kind === "CustomResourceDefinition")
      await store.create(RESOURCES.customResourceDefinitions, structuredClone(object));
  }
  return store;
}

function requireProgram({ spec }: KubernetesObject, refuse: (problem: string) => void): void {
  const [container] = (spec?.template?.spec?.containers ?? []) as Container[];
  if (container !== undefined && programOf(container.image) === undefined)
    refuse(`virtual time has no program for the image ${container.image}`);
}
