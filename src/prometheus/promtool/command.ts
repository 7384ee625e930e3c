/** `topology promtool`: Prometheus' tools on our own engine and store, by the subcommands of upstream's `promtool`. */
import type { CliCommand } from "../../base/machine.ts";

/** A subcommand, by its words: `test promql`. Each loads what it needs only. */
const SUBCOMMANDS: Record<string, { usage: string; load: () => Promise<CliCommand> }> = {
  "check config": {
    usage: "check config [--agent] [--syntax-only] [--lint=CHECKS] [--lint-fatal] FILE...",
    load: async () => (await import("./check-config.ts")).checkConfig,
  },
  "check rules": {
    usage: "check rules [--lint=CHECKS] [--lint-fatal] [--ignore-unknown-fields] [FILE...]",
    load: async () => (await import("./check-rules.ts")).checkRules,
  },
  "check metrics": {
    usage: "check metrics [--extended] [--lint=none] [--format=openmetrics] [FILE]",
    load: async () => (await import("./check-metrics.ts")).checkMetrics,
  },
  "query instant": {
    usage: "query instant [-o json] [--time=SECONDS] URL EXPRESSION",
    load: async () => (await import("./query.ts")).queryInstant,
  },
  "query range": {
    usage: "query range [-o json] [--start=SECONDS] [--end=SECONDS] [--step=DURATION] URL EXPRESSION",
    load: async () => (await import("./query.ts")).queryRange,
  },
  "query series": {
    usage: "query series --match=SELECTOR... URL",
    load: async () => (await import("./query.ts")).querySeries,
  },
  "query labels": {
    usage: "query labels URL NAME",
    load: async () => (await import("./query.ts")).queryLabels,
  },
  "tsdb list": {
    usage: "tsdb list [-r] [DIRECTORY]",
    load: async () => (await import("./tsdb-tools.ts")).tsdbList,
  },
  "tsdb analyze": {
    usage: "tsdb analyze [--limit=N] [DIRECTORY [BLOCK]]",
    load: async () => (await import("./tsdb-tools.ts")).tsdbAnalyze,
  },
  "tsdb dump": {
    usage: "tsdb dump [--match=SELECTOR] [--min-time=MS] [--max-time=MS] [DIRECTORY]",
    load: async () => (await import("./tsdb-tools.ts")).tsdbDump,
  },
  "tsdb create-blocks-from openmetrics": {
    usage: "tsdb create-blocks-from openmetrics FILE [DIRECTORY]",
    load: async () => (await import("./tsdb-tools.ts")).createBlocks,
  },
  "test rules": {
    usage: "test rules FILE...",
    load: async () => (await import("./test-rules.ts")).testRules,
  },
  "test promql": {
    usage: "test promql FILE...",
    load: async () => (await import("./test-promql.ts")).command,
  },
};

export const command: CliCommand = async (args, machine) => {
  for (const [words, { load }] of Object.entries(SUBCOMMANDS)) {
    const count = words.split(" ").length;
    if (args.slice(0, count).join(" ") === words) return (await load())(args.slice(count), machine);
  }
  const isHelp = args.length === 0 || args.includes("--help");
  if (!isHelp) machine.print(`promtool: unknown subcommand "${args.slice(0, 2).join(" ")}"\n\n`);
  const lines = Object.values(SUBCOMMANDS).map(({ usage }) => `  topology promtool ${usage}`);
  machine.print(`Usage:\n${lines.join("\n")}\n`);
  return isHelp ? 0 : 2;
};
