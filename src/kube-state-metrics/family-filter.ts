/** Which families are exported at all (upstream `pkg/allowdenylist`, `pkg/optin`). */
import type { Family } from "./family.ts";

/** Patterns of ECMAScript that are searched for in the name: `kube_pod_` means every family that has it in its name. */
export interface FamilyFilterOptions {
  /** Only these. */
  allow?: string[];
  /** All but these. */
  deny?: string[];
  /** Families that are left out unless they are named here. */
  optIn?: string[];
}

/** @throws Error for both lists at once, and for a pattern that is none */
export function createFamilyFilter(options: FamilyFilterOptions): (family: Family) => boolean {
  const { allow = [], deny = [], optIn = [] } = options;
  if (allow.length > 0 && deny.length > 0) {
    throw new Error(
      "allowlist and denylist are both set, they are mutually exclusive, only one of them can be set",
    );
  }
  const matcher = (patterns: string[]) => {
    const expressions = patterns.map((pattern) => new RegExp(pattern));
    return (name: string) => expressions.some((expression) => expression.test(name));
  };
  const [allowed, denied, optedIn] = [matcher(allow), matcher(deny), matcher(optIn)];
  return ({ name, optIn }) => (allow.length > 0 ? allowed(name) : !denied(name)) && (!optIn || optedIn(name));
}
