/**
 * The one entry: `topology <command>` for people, `topology run <component> FLAGS` for the processes of pods.
 */
import { createNodeSystem } from "./base/node-system.ts";
import type { Command } from "./base/system.ts";

/** What `topology run` can start. Each entry loads its room only. */
const COMPONENTS: Record<string, () => Promise<{ command: Command }>> = {
  "kube-state-metrics": () => import("./kube-state-metrics/command.ts"),
};

async function main(args: string[]): Promise<number> {
  const [command, component, ...rest] = args;
  if (command === "run") {
    const load = COMPONENTS[component];
    if (load !== undefined) return (await load()).command(rest, createNodeSystem());
    console.error(`unknown component ${component}: there are ${Object.keys(COMPONENTS).join(", ")}`);
    return 2;
  }
  console.error(`unknown command ${command}`);
  return 2;
}

process.exitCode = await main(process.argv.slice(2));
