/** Addresses that lead nowhere from another machine (`ValidateEndpointIP`). */
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { invalidValue } from "../field-error.ts";
import { checkAddress } from "./field-rules.ts";
import { legacyAddress, legacyRange } from "./ip-address.ts";

const LOOPBACK = "may not be in the loopback range (127.0.0.0/8, ::1/128)";

/** Addresses that mean this machine or this network only can't be reached from elsewhere. */
const SPECIAL_RANGES: [range: string, problem: string][] = [
  ["127.0.0.0/8", LOOPBACK],
  ["169.254.0.0/16", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"],
  ["fe80::/10", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"],
  ["::1/128", LOOPBACK],
  ["224.0.0.0/24", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"],
  ["ff02::/16", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"],
];

/** @param takesLoopback addresses of this machine are as good as others: pods have them here */
export function specialAddressProblems(field: string, text: string, takesLoopback = false): StatusCause[] {
  const address = legacyAddress(text);
  if (address === undefined) return checkAddress(field, text);
  if (address.bits === 0n) return [invalidValue(field, text, `may not be unspecified (${text})`)];
  const problem = SPECIAL_RANGES.find(([range]) => {
    const { address: base, prefix } = legacyRange(range)!;
    const shift = BigInt(base.size - prefix);
    return base.size === address.size && base.bits >> shift === address.bits >> shift;
  })?.[1];
  if (problem === undefined || (problem === LOOPBACK && takesLoopback)) return [];
  return [invalidValue(field, text, problem)];
}
