/** `topology promtool`: Prometheus' tools on our own engine and store, by the subcommands of upstream's `promtool`. */
import type { CliCommand } from "../../base/machine.ts";
import { ConfigError } from "../config/strict-yaml.ts";
import { ParseError } from "../promql/mod.ts";
import { quoteString } from "../promql/parser/lexer.ts";
import { flagOf, UsageProblem } from "./arguments.ts";

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
  "check web-config": {
    usage: "check web-config FILE...",
    load: async () => (await import("./check-web-config.ts")).checkWebConfigs,
  },
  "check service-discovery": {
    usage: "check service-discovery [--timeout=DURATION] FILE JOB",
    load: async () => (await import("./check-service-discovery.ts")).checkServiceDiscovery,
  },
  "check healthy": {
    usage: "check healthy [--url=URL]",
    load: async () => (await import("./check-server.ts")).checkHealthy,
  },
  "check ready": {
    usage: "check ready [--url=URL]",
    load: async () => (await import("./check-server.ts")).checkReady,
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
  "query analyze": {
    usage: "query analyze --server=URL --type=histogram --match=SELECTOR... [--duration=D] [--time=SECONDS]",
    load: async () => (await import("./query-analyze.ts")).queryAnalyze,
  },
  "push metrics": {
    usage: "push metrics [--label=NAME=VALUE]... [--header=NAME=VALUE]... URL [FILE...]",
    load: async () => (await import("./push-metrics.ts")).pushMetrics,
  },
  "debug pprof": {
    usage: "debug pprof URL",
    load: async () => (await import("./debug.ts")).debugPprof,
  },
  "debug metrics": {
    usage: "debug metrics URL",
    load: async () => (await import("./debug.ts")).debugMetrics,
  },
  "debug all": {
    usage: "debug all URL",
    load: async () => (await import("./debug.ts")).debugAll,
  },
  "tsdb list": {
    usage: "tsdb list [-r] [DIRECTORY]",
    load: async () => (await import("./tsdb-blocks.ts")).tsdbList,
  },
  "tsdb analyze": {
    usage: "tsdb analyze [--limit=N] [--extended] [--match=SELECTOR] [DIRECTORY [BLOCK]]",
    load: async () => (await import("./tsdb-analyze.ts")).tsdbAnalyze,
  },
  "tsdb dump": {
    usage:
      "tsdb dump [--match=SELECTOR]... [--min-time=MS] [--max-time=MS] [--format=prom|seriesjson] [DIRECTORY]",
    load: async () => (await import("./tsdb-dump.ts")).tsdbDump,
  },
  "tsdb dump-openmetrics": {
    usage: "tsdb dump-openmetrics [--match=SELECTOR]... [--min-time=MS] [--max-time=MS] [DIRECTORY]",
    load: async () => (await import("./tsdb-dump.ts")).tsdbDumpOpenMetrics,
  },
  "tsdb create-blocks-from openmetrics": {
    usage:
      "tsdb create-blocks-from openmetrics [-q] [-r] [--label=NAME=VALUE]... [--max-block-duration=D] FILE [DIRECTORY]",
    load: async () => (await import("./create-blocks.ts")).createBlocks,
  },
  "tsdb create-blocks-from rules": {
    usage:
      "tsdb create-blocks-from rules --start=SECONDS [--end=SECONDS] [--url=URL] [--output-dir=DIRECTORY] FILE...",
    load: async () => (await import("./create-rule-blocks.ts")).createRuleBlocks,
  },
  "tsdb bench write": {
    usage: "tsdb bench write [--out=DIRECTORY] [--metrics=N] [--scrapes=N] [FILE]",
    load: async () => (await import("./bench-write.ts")).benchWrite,
  },
  "promql format": {
    usage: "--experimental promql format QUERY",
    load: async () => (await import("./edit-promql.ts")).formatPromql,
  },
  "promql label-matchers set": {
    usage: "--experimental promql label-matchers set [-t =|!=|=~|!~] QUERY NAME VALUE",
    load: async () => (await import("./edit-promql.ts")).setLabelMatcher,
  },
  "promql label-matchers delete": {
    usage: "--experimental promql label-matchers delete QUERY NAME",
    load: async () => (await import("./edit-promql.ts")).deleteLabelMatcher,
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

/** Flags that may stand before the words of a subcommand and take a value. */
const EARLY_VALUES: ReadonlySet<string> = new Set([
  "enable-feature",
  "format",
  "http.config.file",
  "junit",
  "max-block-duration",
  "query.lookback-delta",
]);

/** Exits as upstream's does: 1 for what is wrong with the command line, or in what it names. */
export const command: CliCommand = async (args, machine) => {
  const { words, flags, rest } = splitArguments(args);
  if (args.length === 0 || args.includes("--help") || args.includes("-h")) {
    const lines = Object.values(SUBCOMMANDS).map(({ usage }) => `  topology promtool ${usage}`);
    machine.print(`Usage:\n${lines.join("\n")}\n`);
    return 0;
  }
  try {
    const found = SUBCOMMANDS[words.join(" ")];
    if (found === undefined) throw wrongWords(words, rest[0]);
    return await (await found.load())([...flags, ...rest], machine);
  } catch (error) {
    const isExpected = [UsageProblem, ConfigError, ParseError].some((kind) => error instanceof kind);
    if (!(error instanceof Error) || !isExpected) throw error;
    machine.printError(`${error.message}\n`);
    return 1;
  }
};

/** The words of the subcommand, the flags before and among them, and what follows. */
function splitArguments(args: readonly string[]): { words: string[]; flags: string[]; rest: string[] } {
  const words: string[] = [];
  const flags: string[] = [];
  let i = 0;
  for (; i < args.length && SUBCOMMANDS[words.join(" ")] === undefined; i++) {
    const flag = flagOf(args[i]);
    if (flag !== undefined) {
      flags.push(args[i]);
      if (EARLY_VALUES.has(flag.name) && flag.inline === undefined && i + 1 < args.length)
        flags.push(args[++i]);
      continue;
    }
    if (!isBeginning([...words, args[i]])) break;
    words.push(args[i]);
  }
  return { words, flags, rest: args.slice(i) };
}

function isBeginning(words: readonly string[]): boolean {
  const text = words.join(" ");
  return Object.keys(SUBCOMMANDS).some((each) => each === text || each.startsWith(`${text} `));
}

function wrongWords(words: readonly string[], next: string | undefined): UsageProblem {
  return new UsageProblem(
    next === undefined
      ? `must select a subcommand of '${words.join(" ")}'`
      : `expected command but got ${quoteString(next)}`,
  );
}
