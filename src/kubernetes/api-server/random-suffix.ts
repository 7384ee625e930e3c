/** The end of names that the server makes up (apimachinery `util/rand.String`). */
import { type Random, randomInteger } from "../../base/random.ts";

/** No vowels, nothing that looks like another one. */
const NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789";
const LENGTH = 5;

export function randomSuffix(random: Random): string {
  let suffix = "";
  for (let i = 0; i < LENGTH; i++) suffix += NAME_LETTERS[randomInteger(random, NAME_LETTERS.length)];
  return suffix;
}
