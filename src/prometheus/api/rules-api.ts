/** `/api/v1/rules`, `/api/v1/alerts`, `/api/v1/alertmanagers`. */

import { createHash } from "node:crypto";
import { Labels } from "../../model/labels.ts";
import type { Matcher } from "../matcher.ts";
import type { ActiveAlert } from "../rules/alert-state.ts";
import type { Rule } from "../rules/rule.ts";
import type { RuleGroup } from "../rules/rule-group.ts";
import type { PrometheusServer } from "../server-state.ts";
import { type ApiResult, integerProblem, invalidParameter } from "./api-request.ts";
import { matcherSets } from "./query-api.ts";
import { floatText } from "./query-json.ts";

interface RulesCall {
  server: PrometheusServer;
  parameters: URLSearchParams;
}

const NEVER = "0001-01-01T00:00:00Z";

function timeText(timeMs: number): string {
  return timeMs === 0 ? NEVER : new Date(timeMs).toISOString();
}

function alertJson(alert: ActiveAlert) {
  return {
    labels: alert.labels,
    annotations: Labels.of(alert.annotations),
    state: alert.state,
    activeAt: timeText(alert.activeAtMs),
    ...(alert.keepFiringSinceMs === 0 ? {} : { keepFiringSince: timeText(alert.keepFiringSinceMs) }),
    value: scientific(alert.value),
  };
}

/** Go's `%e` with the shortest digits. */
function scientific(value: number): string {
  if (!Number.isFinite(value)) return floatText(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

function ruleJson(rule: Rule, showsAlerts: boolean) {
  const { status, config, alerts } = rule;
  const labels = Labels.of(rule.labels);
  const outcome = {
    health: status.health,
    ...(status.lastError === "" ? {} : { lastError: status.lastError }),
    evaluationTime: status.evaluationSeconds,
    lastEvaluation: timeText(status.lastEvaluationMs),
  };
  if (alerts === undefined) {
    return { name: rule.name, query: rule.expression, labels, ...outcome, type: "recording" };
  }
  return {
    state: status.lastEvaluationMs === 0 ? "unknown" : alerts.state,
    name: rule.name,
    query: rule.expression,
    duration: config.for / 1000,
    keepFiringFor: config.keep_firing_for / 1000,
    labels,
    annotations: Labels.of(config.annotations ?? {}),
    alerts: showsAlerts ? alerts.active.map(alertJson) : null,
    ...outcome,
    type: "alerting",
  };
}

export function rules({ server, parameters }: RulesCall): ApiResult {
  const type = (parameters.get("type") ?? "").toLowerCase();
  if (type !== "" && type !== "alert" && type !== "record")
    throw invalidParameter("type", `not supported value ${JSON.stringify(type)}`);
  const excludes = (parameters.get("exclude_alerts") ?? "").toLowerCase();
  if (excludes !== "" && !/^(1|t|true|0|f|false)$/.test(excludes))
    throw invalidParameter(
      "exclude_alerts",
      `error converting exclude_alerts: strconv.ParseBool: parsing ${JSON.stringify(excludes)}: invalid syntax`,
    );
  const showsAlerts = !/^(1|t|true)$/.test(excludes);
  const sets = matcherSets(parameters);
  const wanted = (name: string) => new Set(parameters.getAll(name));
  const [names, groups, files] = [wanted("rule_name[]"), wanted("rule_group[]"), wanted("file[]")];
  const isWanted = (rule: Rule) =>
    (names.size === 0 || names.has(rule.name)) &&
    (type === "" || (type === "alert") === (rule.alerts !== undefined)) &&
    matchesAny(rule, sets);
  const shown = server.rules.groups
    .filter((group) => groups.size === 0 || groups.has(group.config.name))
    .filter((group) => files.size === 0 || files.has(group.file))
    .map((group) => groupJson(group, isWanted, showsAlerts))
    .filter((group) => group.rules.length > 0);
  return { data: paginated(shown, parameters) };
}

function matchesAny(rule: Rule, sets: Matcher[][]): boolean {
  if (sets.length === 0) return true;
  return sets.some((matchers) => matchers.every((each) => each.matches(rule.labels[each.name] ?? "")));
}

function groupJson(group: RuleGroup, isWanted: (rule: Rule) => boolean, showsAlerts: boolean) {
  return {
    name: group.config.name,
    file: group.file,
    rules: group.rules.filter(isWanted).map((rule) => ruleJson(rule, showsAlerts)),
    interval: group.intervalMs / 1000,
    limit: group.config.limit,
    evaluationTime: group.evaluationSeconds,
    lastEvaluation: timeText(group.lastEvaluationMs),
  };
}

function paginated(groups: ReturnType<typeof groupJson>[], parameters: URLSearchParams) {
  const limitText = parameters.get("group_limit") ?? "";
  const token = parameters.get("group_next_token") ?? "";
  if (token !== "" && limitText === "")
    throw invalidParameter(
      "group_next_token",
      "group_limit needs to be present in order to paginate over the groups",
    );
  if (limitText === "") return { groups };
  const problem = integerProblem(limitText);
  if (problem !== undefined)
    throw invalidParameter(
      "group_limit",
      `group_limit needs to be a valid number: strconv.ParseInt: ${problem}`,
    );
  const limit = Number(limitText);
  if (limit <= 0) throw invalidParameter("group_limit", "group_limit needs to be greater than 0");
  const tokenOf = (group: { file: string; name: string }) =>
    createHash("sha256").update(`${group.file};${group.name}`).digest("hex");
  const start = token === "" ? 0 : groups.findIndex((group) => tokenOf(group) === token);
  if (start < 0)
    throw invalidParameter(
      "group_next_token",
      `invalid group_next_token '${token}'. were rule groups changed?`,
    );
  const next = groups[start + limit];
  return {
    groups: groups.slice(start, start + limit),
    ...(next === undefined ? {} : { groupNextToken: tokenOf(next) }),
  };
}

export function alerts({ server }: RulesCall): ApiResult {
  const all = server.rules.groups.flatMap((group) =>
    group.rules.flatMap((rule) => rule.alerts?.active ?? []),
  );
  return { data: { alerts: all.map(alertJson) } };
}

export function alertmanagers({ server }: RulesCall): ApiResult {
  const { active, dropped } = server.notifier.alertmanagers;
  const urls = (list: string[]) => list.map((url) => ({ url }));
  return { data: { activeAlertmanagers: urls(active), droppedAlertmanagers: urls(dropped) } };
}
