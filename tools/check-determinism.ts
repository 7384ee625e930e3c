/**
 * Time, chance, sockets, files and processes come as arguments: only `base/` and `simulation/` (and tests) may reach
 * for them. This is what makes virtual time possible.
 */
import { report, type SourceFile, sourceFiles, withoutComments } from "./source-files.ts";

const FREE = /^src\/(base|simulation)\/|\.test\.ts$/;

const BANNED: [pattern: RegExp, instead: string][] = [
  [/\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bprocess\.hrtime\b/, "take a Clock"],
  [/(?<![.\w])(setTimeout|setInterval|setImmediate)\(|node:timers/, "take a Clock"],
  [/\bMath\.random\(|\brandomUUID\(|\brandomBytes\(|\bgetRandomValues\(/, "take a Random"],
  [/\bAbortSignal\.timeout\(/, "take a Clock"],
  [/from "node:(net|http|https|http2|dgram|tls|dns)(\/promises)?"/, "take a Network"],
  [/(?<![.\w])fetch\(/, "take a Network"],
  [/from "node:fs(\/promises)?"/, "take a Disk"],
  [/from "node:child_process"/, "take a Processes"],
  [/\bprocess\.env\b/, "take a System"],
];

/** What a file reaches for, a line each. Imports of types only are free. */
export function determinismFindings(file: SourceFile): string[] {
  if (FREE.test(file.path)) return [];
  const lines = withoutComments(file.text).split("\n");
  return lines.flatMap((line, index) =>
    /^\s*import type /.test(line)
      ? []
      : BANNED.filter(([pattern]) => pattern.test(line)).map(
          ([, instead]) => `${file.path}:${index + 1}: ${line.trim()}: ${instead}`,
        ),
  );
}

if (import.meta.main) report("determinism", sourceFiles("src", "scenarios").flatMap(determinismFindings));
