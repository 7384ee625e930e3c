/** The ScaledObject that is replayed, read from a file and checked as the API server and KEDA would. */
import { isMissing } from "../../base/disk.ts";
import type { Machine } from "../../base/machine.ts";
import { PACKAGE_ROOT } from "../../base/program-files.ts";
import {
  compileScalingModifiers,
  replicaBoundsProblem,
  SCALED_OBJECTS,
  type ScaledObject,
  triggersProblem,
  usesModifiers,
} from "../../keda/mod.ts";
import { type AutoscalerVersion, ClusterStore } from "../../kubernetes/mod.ts";
import { RESOURCES } from "../../model/kubernetes-api.ts";
import { isStatus } from "../../model/kubernetes-status.ts";
import { type Manifest, parseManifests } from "../manifests.ts";
import { UsageError } from "../options.ts";
import type { ReplayPolicy } from "./replay-model.ts";
import { requireTriggers } from "./replay-triggers.ts";

/** Where the definitions of KEDA's kinds are. */
const DEFINITIONS = `${PACKAGE_ROOT}/k8s/test-topology/embedded/keda.yaml`;
/** The topology's own. */
export const DEFAULT_POLICY = `${PACKAGE_ROOT}/k8s/test-topology/manifests/scaledobject.yaml`;
const NAMESPACE = "default";
const DEFAULT_TOLERANCE = 0.1;

type Parts = Pick<Machine, "disk" | "clock" | "random">;

/** @throws UsageError that says where in the file, or ManifestError */
export async function readPolicy(
  parts: Parts,
  path: string,
  name: string | undefined,
  version: string,
): Promise<ReplayPolicy> {
  if (version !== "1.28" && version !== "1.37") throw new UsageError(`--kubernetes ${version}: 1.28 or 1.37`);
  const content = await parts.disk.readFile(path).catch((error: Error) => {
    throw new UsageError(`--scaled-object ${path}: ${isMissing(error) ? "no such file" : error.message}`);
  });
  const found = parseManifests(new TextDecoder().decode(content), path).filter(
    ({ object }) => object.kind === "ScaledObject",
  );
  if (found.length === 0) throw new UsageError(`${path}: there is no ScaledObject in it`);
  const named = found.filter(({ object }) => name === undefined || object.metadata.name === name);
  if (named.length !== 1) {
    const names = found.map(({ object }) => object.metadata.name).join(", ");
    throw new UsageError(
      `${path}: ${name === undefined ? "" : `--name ${name}: `}there are ${names}; choose by --name`,
    );
  }
  await requireValid(parts, named[0]);
  const object = named[0].object as unknown as ScaledObject;
  return { object, kubernetes: version as AutoscalerVersion, tolerance: DEFAULT_TOLERANCE };
}

/** Tries it on an API server that has the definition: types, and fields that there are not. */
async function requireValid({ disk, clock, random }: Parts, { source, object }: Manifest): Promise<void> {
  const store = new ClusterStore({ clock, random });
  const definitions = new TextDecoder().decode(await disk.readFile(DEFINITIONS));
  for (const { object: each } of parseManifests(definitions, DEFINITIONS)) {
    if (each.kind === "CustomResourceDefinition")
      await store.create(RESOURCES.customResourceDefinitions, each);
  }
  const namespace = object.metadata?.namespace ?? NAMESPACE;
  await store.create(RESOURCES.namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
  });
  const tried = structuredClone(object);
  tried.metadata.namespace = namespace;
  try {
    await store.create(SCALED_OBJECTS, tried, { fieldValidation: "Strict" });
  } catch (error) {
    if (!isStatus(error)) throw error;
    throw new UsageError(`${source}: ${error.message}`);
  }
}

/** @throws Error for what KEDA, or the HPA that it makes, would refuse, and where nothing is left to replay */
export async function requireReplayable(object: ScaledObject): Promise<void> {
  const problem = replicaBoundsProblem(object) ?? triggersProblem(object.spec.triggers);
  if (problem !== undefined) throw new Error(problem);
  await requireTriggers(object);
  if (usesModifiers(object)) compileScalingModifiers(object);
}
