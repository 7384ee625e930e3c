/**
 * How names that are not of letters, digits, `_` and `:` are written for a reader that takes no others
 * (prometheus/common 0.70, `model.EscapeName`).
 */
export const ESCAPING_SCHEMES = ["allow-utf-8", "underscores", "dots", "values"] as const;
export type EscapingScheme = (typeof ESCAPING_SCHEMES)[number];

const LEGACY_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** Whether every reader can take the name as it is. */
export function isLegacyName(name: string): boolean {
  return LEGACY_NAME.test(name);
}

/** The name as `scheme` has it. Names that need no escaping stay as they are, as in a metric family. */
export function escapeName(name: string, scheme: EscapingScheme): string {
  if (scheme === "allow-utf-8" || name === "" || isLegacyName(name)) return name;
  const characters = [...name].map((character, index) => escaped(character, index === 0, scheme));
  return `${scheme === "values" ? "U__" : ""}${characters.join("")}`;
}

function escaped(character: string, isFirst: boolean, scheme: EscapingScheme): string {
  const isLegacy = (isFirst ? /^[a-zA-Z_:]$/ : /^[a-zA-Z0-9_:]$/).test(character);
  if (scheme === "underscores") return isLegacy ? character : "_";
  if (character === "_") return "__";
  if (isLegacy) return character;
  if (scheme === "dots") return character === "." ? "_dot_" : "__";
  return character.isWellFormed() ? `_${character.codePointAt(0)!.toString(16)}_` : "_FFFD_";
}
