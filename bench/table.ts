/**
 * The table of a suite's results, in Markdown: what ours took, and how many times that each peer took. Medians, with the
 * lowest of several rounds in brackets; ratios are those of the medians.
 */
import type { BenchResult } from "./measure.ts";

export function printTable(results: BenchResult[]): void {
  const peers = [...new Set(results.flatMap((result) => Object.keys(result.peers)))];
  console.log(`| Measurement | Ours |${peers.map((peer) => ` ${peer} |`).join("")}`);
  console.log(`|---|--:|${"--:|".repeat(peers.length)}`);
  for (const result of results) {
    const cells = peers.map((peer) => peerCell(result, peer));
    console.log(`| ${[result.name, oursCell(result), ...cells].join(" | ")} |`);
  }
}

function oursCell({ ours, oursLeast, unit, limit }: BenchResult): string {
  const verdict = limit === undefined ? "" : ` (limit ${limit}: ${ours <= limit ? "kept" : "**exceeded**"})`;
  return `${numbers(ours, oursLeast)} ${unit}${verdict}`;
}

/** The peer's number and its ratio to ours: above 1, ours took less. */
function peerCell({ ours, peers, peersLeast, goals }: BenchResult, peer: string): string {
  const value = peers[peer];
  if (value === undefined) return "";
  const ratio = value / ours;
  const goal = goals?.[peer];
  const verdict = goal === undefined ? "" : ` (goal ${round(goal)}: ${ratio >= goal ? "met" : "**missed**"})`;
  return `${numbers(value, peersLeast?.[peer])} = ${ratio.toFixed(2)}x${verdict}`;
}

/** The median, and the lowest of several rounds. */
function numbers(median: number, least: number | undefined): string {
  return least === undefined ? median.toPrecision(3) : `${median.toPrecision(3)} (${least.toPrecision(3)})`;
}

function round(goal: number): string {
  return String(Math.round(goal * 100) / 100);
}
