/** `promtool check metrics` (`cmd/promtool/main.go` of Prometheus 3.14). */
import type { CliCommand } from "../../base/machine.ts";
import { checkOpenMetrics } from "../../wire/exposition/check-openmetrics.ts";
import { ExpositionError } from "../../wire/exposition/exposition-error.ts";
import { parseToolArguments } from "./arguments.ts";
import { LINT_EXIT_CODE, readInput } from "./input.ts";
import { type MetricFamily, MetricTextError, readMetricFamilies } from "./metric-families.ts";
import { lintMetrics } from "./metric-lint.ts";

/**
 * Reads the text format and says what is unusual in it, and with `--extended` how many series each metric has. Text
 * that ends as OpenMetrics does, or is said to be that (`--format=openmetrics`), has every rule of that format applied,
 * which upstream's command does not know.
 */
export const checkMetrics: CliCommand = async (args, machine) => {
  const { rest, text, has } = parseToolArguments(args, {
    values: ["format", "lint", "query.lookback-delta"],
    switches: ["extended"],
    optional: 1,
  });
  const isLinted = text("lint", "all") !== "none";
  if (!isLinted && !has("extended")) {
    machine.printError("error: at least one of --extended or linting must be enabled\n");
    machine.printError("Use --extended for cardinality analysis, or remove --lint=none to enable linting\n");
    return 1;
  }
  const bytes = await readInput(machine, rest[0]);
  try {
    if (text("format") === "openmetrics" || endsWithEof(bytes)) {
      checkOpenMetrics(bytes);
      return 0;
    }
    const families = readMetricFamilies(new TextDecoder().decode(bytes));
    const problems = isLinted ? lintMetrics(families) : [];
    for (const problem of problems) machine.printError(`${problem}\n`);
    if (has("extended")) machine.print(cardinalityTable(families));
    return problems.length > 0 ? LINT_EXIT_CODE : 0;
  } catch (error) {
    if (!(error instanceof ExpositionError || error instanceof MetricTextError)) throw error;
    const what = isLinted ? "error while linting" : "error while parsing text to metric families";
    machine.printError(`${what}: ${error.message}\n`);
    return 1;
  }
};

function endsWithEof(bytes: Uint8Array): boolean {
  return /# EOF\n?$/.test(new TextDecoder().decode(bytes.subarray(-6)));
}

/** How many series each family has, the most first, in columns. */
function cardinalityTable(families: readonly MetricFamily[]): string {
  const counted = families
    .map((family) => ({ name: family.name, count: seriesOf(family) }))
    .sort((a, b) => b.count - a.count);
  const total = counted.reduce((sum, { count }) => sum + count, 0);
  const rows = counted.map(({ name, count }) => [name, `${count}`, `${((count / total) * 100).toFixed(2)}%`]);
  const table = [["Metric", "Cardinality", "Percentage"], ...rows, ["Total", `${total}`, "100%"]];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)) + 4);
  return table.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column])).join("")}\n`).join("");
}

function seriesOf({ type, metrics }: MetricFamily): number {
  const isGrouped = type === "histogram" || type === "summary";
  return isGrouped ? metrics.length * (2 + metrics[0].parts) : metrics.length;
}
