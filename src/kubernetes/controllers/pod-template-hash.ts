/**
 * The short hash in the names of ReplicaSets and revisions. Upstream hashes Go's dump of the struct, which nothing but
 * Go can reproduce; equal templates have equal hashes here too, and the alphabet is upstream's.
 */
import type { PodTemplate } from "../types.ts";
import { canonicalJson } from "./controller.ts";

/** FNV-1a, 32 bits, of the template's canonical JSON and the collision count. */
export function podTemplateHash(template: PodTemplate, collisionCount: number): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(`${canonicalJson(template)}${collisionCount || ""}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}

/** Without vowels, so that no words come up (`rand.SafeEncodeString`). */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

export function safeEncode(hash: number): string {
  return Array.from(String(hash), (digit) => ALPHABET[digit.charCodeAt(0) % ALPHABET.length]).join("");
}
