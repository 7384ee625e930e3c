/** `topology promtool`: Prometheus' tools on our own engine and store, by the subcommands of upstream's `promtool`. */
import type { CliCommand } from "../../base/machine.ts";

/** A subcommand, by its words: `test promql`. Each loads what it needs only. */
const SUBCOMMANDS: Record<string, { usage: string; load: () => Promise<{ command: CliCommand }> }> = {
  "test promql": { usage: "test promql FILE...", load: () => import("./test-promql.ts") },
};

export const command: CliCommand = async (args, machine) => {
  const name = args.slice(0, 2).join(" ");
  const subcommand = SUBCOMMANDS[name];
  if (subcommand !== undefined) return (await subcommand.load()).command(args.slice(2), machine);
  const isHelp = args.length === 0 || args.includes("--help");
  if (!isHelp) machine.print(`promtool: unknown subcommand "${name}"\n\n`);
  const lines = Object.values(SUBCOMMANDS).map(({ usage }) => `  topology promtool ${usage}`);
  machine.print(`Usage:\n${lines.join("\n")}\n`);
  return isHelp ? 0 : 2;
};
