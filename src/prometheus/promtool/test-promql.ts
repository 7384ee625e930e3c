/** `topology promtool test promql FILE...`: runs files in the promqltest language on our engine. */
import type { CliCommand } from "../../base/machine.ts";
import { ScriptError } from "./promqltest/script.ts";
import { runScript } from "./promqltest/script-runner.ts";

/** Prints each case that fails, and at the end how many passed and failed. Exit code 1 when any failed. */
export const command: CliCommand = async (files, { disk, clock, print }) => {
  if (files.length === 0) {
    print("Usage: topology promtool test promql FILE...\n");
    return 2;
  }
  let passed = 0;
  let failed = 0;
  for (const file of files) {
    try {
      const text = new TextDecoder().decode(await disk.readFile(file));
      for await (const { line, expression, failure } of runScript(text, clock)) {
        if (failure === undefined) passed++;
        else {
          failed++;
          print(`${file}:${line}: ${expression}\n  ${failure}\n`);
        }
      }
    } catch (error) {
      failed++;
      const place = error instanceof ScriptError ? `${file}:${error.line}` : file;
      print(`${place}: ${(error as Error).message}\n`);
    }
  }
  print(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
};
