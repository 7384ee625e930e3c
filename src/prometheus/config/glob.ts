/** Files by patterns: Go's `filepath.Glob`, with the patterns of its `path.Match`. */
import { posix } from "node:path";
import type { Disk } from "../../base/disk.ts";
import { ConfigError } from "./strict-yaml.ts";

const META = /[*?[\\]/;

/**
 * The files and folders that match, sorted within each folder. `*` and `?` stand for no slash; a class is `[a-c]`, or
 * `[^a-c]` for all others; a backslash takes the meaning off what follows.
 *
 * @throws ConfigError for a pattern that is none
 */
export async function glob(disk: Disk, pattern: string): Promise<string[]> {
  compile(pattern);
  if (!META.test(pattern)) return (await disk.stat(pattern)) === undefined ? [] : [pattern];
  const name = posix.basename(pattern);
  const parent = posix.dirname(pattern);
  const matcher = compile(name);
  const found: string[] = [];
  for (const directory of META.test(parent) ? await glob(disk, parent) : [parent]) {
    // What can't be listed has nothing in it.
    const names = await disk.list(directory).catch((): string[] => []);
    const matching = names.filter((each) => matcher.test(each)).sort();
    found.push(...matching.map((each) => posix.join(directory, each)));
  }
  return found;
}

/** @throws ConfigError */
function compile(pattern: string): RegExp {
  const characters = [...pattern];
  let expression = "";
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i];
    if (character === "*") expression += "[^/]*";
    else if (character === "?") expression += "[^/]";
    else if (character === "[") {
      const { text, end } = readClass(characters, i + 1);
      expression += text;
      i = end;
    } else if (character === "\\") {
      i++;
      if (i === characters.length) throw malformed();
      expression += escaped(characters[i]);
    } else expression += escaped(character);
  }
  return new RegExp(`^${expression}$`, "su");
}

/** From behind the bracket to the one that closes it. @throws ConfigError */
function readClass(characters: readonly string[], start: number): { text: string; end: number } {
  let at = start;
  const isNegated = characters[at] === "^";
  if (isNegated) at++;
  const next = (): string => {
    const character = characters[at++];
    if (character === undefined || character === "-" || character === "]") throw malformed();
    if (character !== "\\") return character;
    if (at >= characters.length) throw malformed();
    return characters[at++];
  };
  const ranges: string[] = [];
  while (ranges.length === 0 || characters[at] !== "]") {
    const low = next();
    let high = low;
    if (characters[at] === "-") {
      at++;
      high = next();
    }
    // A range the wrong way round holds nothing.
    ranges.push(low <= high ? `${escaped(low)}-${escaped(high)}` : "");
    if (at >= characters.length) throw malformed();
  }
  const inside = ranges.join("");
  if (inside === "") return { text: isNegated ? "[^/]" : "(?!)", end: at };
  return { text: isNegated ? `[^${inside}/]` : `[${inside}]`, end: at };
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

function malformed(): ConfigError {
  return new ConfigError("syntax error in pattern");
}
