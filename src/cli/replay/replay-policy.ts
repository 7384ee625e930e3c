/** The ScaledObject that is replayed, read from a file and checked as the API server and KEDA would. */
import { isMissing } from "../../base/disk.ts";
import type { Machine } from "../../base/machine.ts";
import { PACKAGE_ROOT } from "../../base/program-files.ts";
import {
  compileScalingModifiers,
  replicaBoundsProblem,
  type ScaledObject,
  triggersProblem,
  usesModifiers,
} from "../../keda/mod.ts";
import type { AutoscalerVersion } from "../../kubernetes/mod.ts";
import { parseManifests } from "../manifests.ts";
import { UsageError } from "../options.ts";
import { scaledObjectAdmission } from "../scaled-object-admission.ts";
import type { ReplayPolicy } from "./replay-model.ts";
import { requireTriggers } from "./replay-triggers.ts";

/** The topology's own. */
export const DEFAULT_POLICY = `${PACKAGE_ROOT}/k8s/test-topology/manifests/scaledobject.yaml`;
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
  const refusal = await (await scaledObjectAdmission(parts))(named[0].object);
  if (refusal !== undefined) throw new UsageError(`${named[0].source}: ${refusal}`);
  const object = named[0].object as unknown as ScaledObject;
  return { object, kubernetes: version as AutoscalerVersion, tolerance: DEFAULT_TOLERANCE };
}

/** @throws Error for what KEDA, or the HPA that it makes, would refuse, and where nothing is left to replay */
export async function requireReplayable(object: ScaledObject): Promise<void> {
  const problem = replicaBoundsProblem(object) ?? triggersProblem(object.spec.triggers);
  if (problem !== undefined) throw new Error(problem);
  await requireTriggers(object);
  if (usesModifiers(object)) compileScalingModifiers(object);
}
