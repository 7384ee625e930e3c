/** Names of blocks: 48 bits of milliseconds and 80 random ones in Crockford's base 32, so that they sort by age. */
import type { Random } from "../../base/random.ts";

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 16;

export function createUlid(nowMs: number, random: Random): string {
  let text = "";
  for (let i = 0, rest = nowMs; i < TIME_DIGITS; i++) {
    text = DIGITS[rest % 32] + text;
    rest = Math.floor(rest / 32);
  }
  for (const byte of random.bytes(RANDOM_DIGITS)) text += DIGITS[byte % 32];
  return text;
}

export function isUlid(name: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(name);
}
