/**
 * Which rules of a group may be evaluated at the same time, with the feature `concurrent-rule-eval`
 * (`buildDependencyMap` in `rules/group.go`, `RuleConcurrencyController` in `rules/manager.go`).
 */
import { METRIC_NAME } from "../../model/labels.ts";
import { createMatcher, type Matcher } from "../matcher.ts";
import { walk } from "../promql/parser/ast.ts";
import type { Rule } from "./rule.ts";

/** So many rules of all groups run at once besides the one that each group runs anyway. */
export class RuleConcurrency {
  readonly #limit: number;
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether there was room; who got it gives it back. */
  tryAcquire(): boolean {
    if (this.#running >= this.#limit) return false;
    this.#running++;
    return true;
  }

  release(): void {
    this.#running--;
  }
}

/**
 * Rules by number, in the order in which they are to be evaluated, those of one list at the same time: first all that
 * use nothing of the group, then one by one those that use and are used, then those that only use.
 */
export function concurrentBatches(rules: readonly Rule[]): number[][] {
  const dependencies = dependenciesOf(rules);
  // It cannot be told: one after the other.
  if (dependencies === undefined) return rules.map((_, index) => [index]);
  const used = new Set(dependencies.flatMap((each) => [...each]));
  const all = rules.map((_, index) => index);
  const first = all.filter((index) => dependencies[index].size === 0);
  const between = all.filter((index) => dependencies[index].size > 0 && used.has(index));
  const last = all.filter((index) => dependencies[index].size > 0 && !used.has(index));
  return [first, ...between.map((index) => [index]), last].filter((batch) => batch.length > 0);
}

/** By rule: the earlier ones whose results it reads. Undefined where a selector could mean any of them. */
export function dependenciesOf(rules: readonly Rule[]): Set<number>[] | undefined {
  const found = rules.map(() => new Set<number>());
  if (rules.length <= 1) return found;
  for (const [index, rule] of rules.entries()) {
    const selectors = selectorsOf(rule);
    if (selectors === undefined) return undefined;
    for (const matchers of selectors) {
      const name = matchers.find((each) => each.name === METRIC_NAME);
      if (name === undefined) return undefined;
      for (let earlier = 0; earlier < index; earlier++)
        if (reads(name, matchers, rules[earlier])) found[index].add(earlier);
    }
  }
  return found;
}

/** The matchers of each selector in a rule's expression. */
function selectorsOf({ parsed }: Rule): Matcher[][] | undefined {
  if (parsed === undefined) return undefined;
  const selectors: Matcher[][] = [];
  walk(parsed, (node) => {
    if (node.kind !== "vector-selector") return;
    const named = node.name === "" ? [] : [createMatcher(METRIC_NAME, "=", node.name)];
    selectors.push([...named, ...node.matchers]);
  });
  return selectors;
}

/** `ALERTS` are read by the alert's name. */
function reads(name: Matcher, matchers: Matcher[], other: Rule): boolean {
  if (name.matches(other.name)) return true;
  if (other.alerts === undefined || !(name.matches("ALERTS") || name.matches("ALERTS_FOR_STATE")))
    return false;
  return matchers.find((each) => each.name === "alertname")?.matches(other.name) ?? true;
}
