/** Checks of what a pod or a container may do on its node (`ValidateSecurityContext` of `pkg/apis/core/validation`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { invalidValue, notSupported, required, tooLong } from "../field-error.ts";
import { checkInnerPath, checkOptional, checkRange } from "./field-rules.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const PROFILE_TYPES = ["Localhost", "RuntimeDefault", "Unconfined"];

export function validateSeccomp(profile: Anything, path: string): StatusCause[] {
  if (profile === undefined) return [];
  const { type = "", localhostProfile } = profile;
  const causes: StatusCause[] = [];
  if (type === "") causes.push(required(`${path}.type`, "type is required when seccompProfile is set"));
  else if (!PROFILE_TYPES.includes(type)) causes.push(notSupported(`${path}.type`, type, PROFILE_TYPES));
  const field = `${path}.localhostProfile`;
  if (type !== "Localhost") {
    const problem = "can only be set when seccomp type is Localhost";
    const given = { Type: type, LocalhostProfile: localhostProfile };
    return localhostProfile === undefined ? causes : [...causes, invalidValue(field, given, problem)];
  }
  if (localhostProfile === undefined)
    return [...causes, required(field, "must be set when seccomp type is Localhost")];
  return [...causes, ...checkInnerPath(field, localhostProfile)];
}

/** The longest path of a profile: a path of Linux without its end. */
const MAX_PROFILE_LENGTH = 4095;

export function validateAppArmor(profile: Anything, path: string): StatusCause[] {
  if (profile === undefined) return [];
  const { type = "", localhostProfile } = profile;
  const field = `${path}.localhostProfile`;
  const missing = required(field, "must be set when AppArmor type is Localhost");
  if (type === "") return [required(`${path}.type`, "type is required when appArmorProfile is set")];
  if (!PROFILE_TYPES.includes(type)) return [notSupported(`${path}.type`, type, PROFILE_TYPES)];
  if (type !== "Localhost") {
    if (localhostProfile === undefined) return [];
    return [invalidValue(field, localhostProfile, "can only be set when AppArmor type is Localhost")];
  }
  if (localhostProfile === undefined) return [missing];
  const causes: StatusCause[] = [];
  if (localhostProfile.trim() !== localhostProfile)
    causes.push(invalidValue(field, localhostProfile, "must not be padded with whitespace"));
  else if (localhostProfile === "") causes.push(missing);
  if (localhostProfile.length > MAX_PROFILE_LENGTH) causes.push(tooLong(field, MAX_PROFILE_LENGTH));
  return causes;
}

export const MAX_ID = 2 ** 31 - 1;

export function validateContainerSecurity(context: Anything, path: string): StatusCause[] {
  const causes = ["runAsUser", "runAsGroup"].flatMap((field) =>
    context[field] === undefined ? [] : checkRange(`${path}.${field}`, context[field], 0, MAX_ID),
  );
  causes.push(...checkOptional(`${path}.procMount`, context.procMount, ["Default", "Unmasked"]));
  causes.push(...validateSeccomp(context.seccompProfile, `${path}.seccompProfile`));
  causes.push(...validateAppArmor(context.appArmorProfile, `${path}.appArmorProfile`));
  if (context.allowPrivilegeEscalation !== false) return causes;
  const refuse = (what: string) =>
    causes.push(
      invalidValue(
        path,
        goSecurityContext(context),
        `cannot set \`allowPrivilegeEscalation\` to false and ${what}`,
      ),
    );
  if (context.privileged === true) refuse("`privileged` to true");
  if ((context.capabilities?.add ?? []).includes("CAP_SYS_ADMIN")) refuse("`capabilities.Add` CAP_SYS_ADMIN");
  return causes;
}

/** As Go prints the internal type. */
function goSecurityContext(context: Anything) {
  const { capabilities, privileged, runAsUser, runAsGroup, runAsNonRoot, readOnlyRootFilesystem } = context;
  return {
    Capabilities: capabilities ? { Add: capabilities.add ?? null, Drop: capabilities.drop ?? null } : null,
    Privileged: privileged ?? null,
    SELinuxOptions: goSeLinux(context.seLinuxOptions),
    WindowsOptions: context.windowsOptions ?? null,
    RunAsUser: runAsUser ?? null,
    RunAsGroup: runAsGroup ?? null,
    RunAsNonRoot: runAsNonRoot ?? null,
    ReadOnlyRootFilesystem: readOnlyRootFilesystem ?? null,
    AllowPrivilegeEscalation: context.allowPrivilegeEscalation ?? null,
    ProcMount: context.procMount ?? null,
    SeccompProfile: goProfile(context.seccompProfile),
    AppArmorProfile: goProfile(context.appArmorProfile),
  };
}

function goSeLinux(options: Anything) {
  if (options === undefined) return null;
  const { user = "", role = "", type = "", level = "" } = options;
  return { User: user, Role: role, Type: type, Level: level };
}

function goProfile(profile: Anything) {
  if (profile === undefined) return null;
  return { Type: profile.type ?? "", LocalhostProfile: profile.localhostProfile ?? null };
}
