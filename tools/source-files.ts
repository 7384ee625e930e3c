/** The project's own TypeScript files, for the checks in this folder. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface SourceFile {
  /** From the project's root, with "/". */
  path: string;
  text: string;
}

/** All `.ts` files below the folders, sorted by path. */
export function sourceFiles(...folders: string[]): SourceFile[] {
  return folders
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
        .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
        .sort()
        .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") })),
    );
}

/** The text with comments blanked out, lines kept. Good enough for code that the formatter has seen. */
export function withoutComments(text: string): string {
  const blank = (comment: string) => comment.replace(/[^\n]/g, " ");
  return text.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/(^|\s)\/\/.*$/gm, blank);
}

/** Prints the findings and ends the process: exit code 1 when there are any. */
export function report(check: string, findings: string[]): never {
  for (const finding of findings) console.error(finding);
  console.log(`${check}: ${findings.length === 0 ? "ok" : `${findings.length} found`}`);
  process.exit(findings.length === 0 ? 0 : 1);
}
