/** Rules by group, with their state, and alerts. */
import { Failure } from "./failure.tsx";
import { Metric } from "./graph.tsx";
import { lengthText, since } from "./time-text.ts";
import { useAnswer } from "./use-answer.ts";

interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  state: string;
  activeAt: string;
  value: string;
}

interface Rule {
  name: string;
  query: string;
  type: string;
  health: string;
  lastError?: string;
  state?: string;
  duration?: number;
  keepFiringFor?: number;
  evaluationTime: number;
  lastEvaluation: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  alerts?: Alert[];
}

interface Group {
  name: string;
  file: string;
  interval: number;
  evaluationTime: number;
  lastEvaluation: string;
  rules: Rule[];
}

const STATE_CLASS: Record<string, string> = {
  firing: "bad",
  pending: "warn",
  inactive: "good",
  ok: "good",
  err: "bad",
};
const ALERT_STATES = ["firing", "pending", "inactive"];

export function RulesPage({ alertsOnly = false }: { alertsOnly?: boolean }) {
  const { data, error } = useAnswer<{ groups: Group[] }>(alertsOnly ? "rules?type=alert" : "rules");
  const rules = data?.groups.flatMap((group) => group.rules) ?? [];
  return (
    <section>
      <h1>{alertsOnly ? "Alerts" : "Rules"}</h1>
      <Failure error={error} />
      {alertsOnly && rules.length > 0 && (
        <p class="counts">
          {ALERT_STATES.map((state) => (
            <span key={state} class={`badge ${STATE_CLASS[state]}`}>
              {rules.filter((rule) => rule.state === state).length} {state}
            </span>
          ))}
        </p>
      )}
      {data?.groups.map((group) => (
        <article key={group.file + group.name}>
          <h2>
            {group.name}{" "}
            <span class="note">
              {group.file}, every {lengthText(group.interval)}, last {since(group.lastEvaluation)} in{" "}
              {lengthText(group.evaluationTime)}
            </span>
          </h2>
          {group.rules.map((rule) => (
            <RuleView key={rule.name + rule.query + JSON.stringify(rule.labels)} rule={rule} />
          ))}
        </article>
      ))}
      {data?.groups.length === 0 && <p class="empty">{alertsOnly ? "No alerting rules." : "No rules."}</p>}
    </section>
  );
}

function RuleView({ rule }: { rule: Rule }) {
  const { name, query, health, state, lastError, duration = 0, keepFiringFor = 0, alerts = [] } = rule;
  const prefix = document.documentElement.dataset["prefix"] ?? "";
  return (
    <div class="rule">
      <div>
        <b>{name}</b> <span class={`badge ${STATE_CLASS[state ?? health] ?? ""}`}>{state ?? health}</span>
        {duration > 0 && <span class="note"> for {lengthText(duration)}</span>}
        {keepFiringFor > 0 && <span class="note"> keeps firing for {lengthText(keepFiringFor)}</span>}
        <span class="note">
          {" "}
          last {since(rule.lastEvaluation)} in {lengthText(rule.evaluationTime)}
        </span>
      </div>
      <a class="query" href={`${prefix}/query?${new URLSearchParams({ "g0.expr": query, "g0.tab": "1" })}`}>
        <code>{query}</code>
      </a>
      <Named title="labels" values={rule.labels} />
      <Named title="annotations" values={rule.annotations} />
      {lastError !== undefined && <p class="error">{lastError}</p>}
      {alerts.map((alert) => (
        <div key={JSON.stringify(alert.labels)} class="alert">
          <span class={`badge ${STATE_CLASS[alert.state]}`}>{alert.state}</span>{" "}
          <Metric metric={alert.labels} /> since {alert.activeAt.slice(0, 19).replace("T", " ")} (
          {since(alert.activeAt)}), value {Number(alert.value.replace("Inf", "Infinity"))}
          <Named title="annotations" values={alert.annotations} />
        </div>
      ))}
    </div>
  );
}

/** Labels or annotations, where there are any. */
function Named({ title, values = {} }: { title: string; values?: Record<string, string> }) {
  const pairs = Object.entries(values);
  if (pairs.length === 0) return null;
  return (
    <div class="note">
      {title}:{" "}
      {pairs.map(([name, value]) => (
        <span key={name} class="named">
          <code>{name}</code> {value}
        </span>
      ))}
    </div>
  );
}
