/** Checks of annotations that mean something to a pod (`ValidatePodSpecificAnnotations` of `pkg/apis/core/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { forbiddenField, invalidValue } from "../field-error.ts";
import { checkInnerPath } from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const MIRROR = "kubernetes.io/config.mirror";
const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
const SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/";
const APP_ARMOR_CONTAINER = "container.apparmor.security.beta.kubernetes.io/";
const LOCAL = "localhost/";

export function validatePodAnnotations({ metadata, spec = {} }: KubernetesObject): StatusCause[] {
  const annotations = metadata.annotations ?? {};
  const at = (key: string) => `metadata.annotations[${key}]`;
  const causes: StatusCause[] = [];
  const mirror = annotations[MIRROR];
  if (mirror !== undefined && !spec.nodeName)
    causes.push(invalidValue(at(MIRROR), mirror, "must set spec.nodeName if mirror pod annotation is set"));
  const cost = annotations[DELETION_COST];
  if (cost !== undefined && !isInt32(cost))
    causes.push(invalidValue(at(DELETION_COST), cost, "must be a 32bit integer"));
  for (const [key, profile] of Object.entries(annotations))
    if (key === SECCOMP_POD || key.startsWith(SECCOMP_CONTAINER))
      causes.push(...checkSeccomp(`metadata.annotations.${key}`, profile));
  for (const [key, profile] of Object.entries(annotations)) {
    if (!key.startsWith(APP_ARMOR_CONTAINER)) continue;
    const name = key.slice(APP_ARMOR_CONTAINER.length);
    if (!containersOf(spec, "spec").some(([container]) => container.name === name))
      causes.push(invalidValue(at(key), name, "container not found"));
    if (!["", "runtime/default", "unconfined"].includes(profile) && !profile.startsWith(LOCAL))
      causes.push(
        invalidValue(at(key), profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`),
      );
  }
  return causes;
}

/** Without a plus sign or zeros in front. */
function isInt32(text: string): boolean {
  return /^(0|-\d+|[1-9]\d*)$/.test(text) && Number(text) >= -(2 ** 31) && Number(text) < 2 ** 31;
}

function checkSeccomp(field: string, profile: string): StatusCause[] {
  if (["runtime/default", "docker/default", "unconfined"].includes(profile)) return [];
  if (profile.startsWith(LOCAL)) return checkInnerPath(field, profile.slice(LOCAL.length));
  return [invalidValue(field, profile, "must be a valid seccomp profile")];
}

/** All containers with their paths: those that start first in front. */
function containersOf(spec: Anything, path: string): [container: Anything, path: string][] {
  return ["initContainers", "containers", "ephemeralContainers"].flatMap((list) =>
    (spec[list] ?? []).map((container: Anything, index: number) => [container, `${path}.${list}[${index}]`]),
  );
}

/** A new pod says the same in annotations and in fields, where it says both. */
export function validateProfilesAgree({ metadata, spec = {} }: KubernetesObject): StatusCause[] {
  const annotations = metadata.annotations ?? {};
  const { seccompProfile, appArmorProfile } = spec.securityContext ?? {};
  const causes = compare(
    "seccomp",
    seccompProfile,
    annotations[SECCOMP_POD],
    "spec.securityContext.seccompProfile",
  );
  const containers = containersOf(spec, "spec");
  for (const [{ name, securityContext }, path] of containers)
    causes.push(
      ...compare(
        "seccomp",
        securityContext?.seccompProfile,
        annotations[`${SECCOMP_CONTAINER}${name}`],
        `${path}.securityContext.seccompProfile`,
      ),
    );
  if (spec.os?.name === "windows") return causes;
  for (const [{ name, securityContext }, path] of containers)
    causes.push(
      ...compare(
        "apparmor",
        securityContext?.appArmorProfile ?? appArmorProfile,
        annotations[`${APP_ARMOR_CONTAINER}${name}`],
        `${path}.securityContext.appArmorProfile`,
      ),
    );
  return causes;
}

function compare(
  what: "seccomp" | "apparmor",
  profile: Anything,
  annotation: string | undefined,
  path: string,
): StatusCause[] {
  if (profile === undefined || annotation === undefined) return [];
  const differs = (field: string, of: string) => [
    forbiddenField(`${path}.${field}`, `${what} ${of} in annotation and field must match`),
  ];
  switch (profile.type) {
    case "Unconfined":
      return annotation === "unconfined" ? [] : differs("type", "type");
    case "RuntimeDefault": {
      const isDefault =
        annotation === "runtime/default" || (what === "seccomp" && annotation === "docker/default");
      return isDefault ? [] : differs("type", "type");
    }
    case "Localhost":
      if (!annotation.startsWith(LOCAL)) return differs("type", "type");
      return annotation.slice(LOCAL.length) === profile.localhostProfile
        ? []
        : differs("localhostProfile", "profile");
    default:
      return [];
  }
}
