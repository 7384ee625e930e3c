/** The short hashes in the names of ReplicaSets and revisions: the same ones as upstream's for the same templates. */
import type { PodTemplate } from "../../types.ts";
import { dumpGoStruct } from "./go-struct-dump.ts";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Of a ReplicaSet or a DaemonSet's revision (`controller.ComputeHash`): FNV-1a, 32 bits, of the template as Go prints
 * it, and of the number of names that were taken.
 */
export function podTemplateHash(template: PodTemplate, collisionCount: number | undefined): number {
  let hash = FNV_OFFSET;
  const add = (byte: number) => {
    hash = Math.imul(hash ^ byte, FNV_PRIME);
  };
  for (const byte of new TextEncoder().encode(dumpGoStruct("PodTemplateSpec", template))) add(byte);
  if (collisionCount !== undefined) {
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setUint32(0, collisionCount, true);
    for (let i = 0; i < bytes.byteLength; i++) add(bytes.getUint8(i));
  }
  return hash >>> 0;
}

/** Of a StatefulSet's revision (`HashControllerRevision`): FNV-1 of the patch as Go writes JSON, and of the number. */
export function revisionDataHash(json: string, collisionCount: number): number {
  let hash = FNV_OFFSET;
  const text = json.replace(/[<>&\u2028\u2029]/g, escapeAsGo);
  for (const byte of new TextEncoder().encode(`${text}${collisionCount}`))
    hash = Math.imul(hash, FNV_PRIME) ^ byte;
  return hash >>> 0;
}

/** As `encoding/json` does, for HTML's sake. */
const escapeAsGo = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Without vowels, so that no words come up (`rand.SafeEncodeString`). */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

export function safeEncode(hash: number): string {
  return Array.from(String(hash), (digit) => ALPHABET[digit.charCodeAt(0) % ALPHABET.length]).join("");
}
