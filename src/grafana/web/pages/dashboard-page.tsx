/** A dashboard: its bar with time and variables, and its panels. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { type DataSourceInfo, getJson } from "../api.ts";
import { browser } from "../browser.ts";
import { css } from "../css.ts";
import { fixed, interpolate, type Scope, textFormat, type VariableValue } from "../dashboard/interpolate.ts";
import { objectOf } from "../dashboard/json.ts";
import { rowKey, type Section, sectionsOf } from "../dashboard/layout.ts";
import type { Dashboard, Panel } from "../dashboard/model.ts";
import { readDashboard } from "../dashboard/read-dashboard.ts";
import { intervalMs, resolveRange, type TimeRange } from "../dashboard/time-range.ts";
import { type VariableState, valueOfState } from "../dashboard/variables.ts";
import { safeUrl } from "../panels/text.tsx";
import { setQuery } from "../router.ts";
import { TopBar } from "../top-bar.tsx";
import { PanelFrame } from "./panel-frame.tsx";
import { TimeControls } from "./time-controls.tsx";
import { useVariables } from "./use-variables.ts";
import { VariableBar } from "./variable-bar.tsx";

const ROW_PX = 30;
const GAP_PX = 8;

interface Props {
  uid: string;
  query: URLSearchParams;
  dataSources: readonly DataSourceInfo[];
}

export function DashboardPage({ uid, query, dataSources }: Props) {
  const [loaded, setLoaded] = useState<{ dashboard?: Dashboard; error?: string }>({});
  useEffect(() => {
    getJson(`/api/dashboards/uid/${encodeURIComponent(uid)}`).then(
      (answer) => setLoaded({ dashboard: readDashboard(objectOf(objectOf(answer)["dashboard"])) }),
      (error: Error) => setLoaded({ error: error.message }),
    );
  }, [uid]);
  if (loaded.error !== undefined) return <div class="big-error">{loaded.error}</div>;
  if (loaded.dashboard === undefined) return null;
  return <LoadedDashboard dashboard={loaded.dashboard} query={query} dataSources={dataSources} />;
}

function LoadedDashboard({
  dashboard,
  query,
  dataSources,
}: {
  dashboard: Dashboard;
  query: URLSearchParams;
  dataSources: readonly DataSourceInfo[];
}) {
  const from = query.get("from") ?? dashboard.time.from;
  const to = query.get("to") ?? dashboard.time.to;
  const refresh = query.get("refresh") ?? dashboard.refresh;
  const [tick, setTick] = useState(0);
  const range = useMemo(() => resolveRange({ from, to }, browser.now()), [from, to, tick]);
  useEffect(() => {
    document.title = `${dashboard.title} · Percolate Topology`;
  }, [dashboard]);
  useEffect(() => {
    const everyMs = intervalMs(refresh);
    if (everyMs <= 0) return;
    // A page that nobody looks at asks for nothing.
    return browser.every(
      Math.max(1000, everyMs),
      () => document.visibilityState === "visible" && setTick((count) => count + 1),
    );
  }, [refresh]);
  const variables = useVariables(dashboard.variables, query, range, dataSources);
  const [toggledRows, setToggledRows] = useState<ReadonlySet<string>>(new Set());
  const sections = useMemo(
    () => sectionsOf(dashboard.panels, variables ?? [], toggledRows),
    [dashboard, variables, toggledRows],
  );
  const scope = useMemo(() => scopeOf(dashboard, variables ?? []), [dashboard, variables]);
  const zoom = (fromMs: number, toMs: number) =>
    setQuery({ from: [String(Math.round(fromMs))], to: [String(Math.round(toMs))] });
  const viewed = query.get("viewPanel");
  const shown = viewed === null ? sections : onlyPanel(sections, viewed);
  return (
    <>
      <TopBar>
        <span class="crumbs">
          <span class="muted">/</span> <b>{dashboard.title}</b>
        </span>
        <span class="grow" />
        {dashboard.links
          .filter(({ type, url }) => type === "link" && url)
          .map(({ title, url, targetBlank }) => (
            <a
              key={url}
              href={safeUrl(interpolate(url!, scope))}
              target={targetBlank === true ? "_blank" : undefined}
              rel="noreferrer"
            >
              {title}
            </a>
          ))}
        <TimeControls
          from={from}
          to={to}
          range={range}
          refresh={refresh}
          onRefresh={() => setTick(tick + 1)}
        />
      </TopBar>
      <VariableBar states={variables ?? []} />
      <main class="dashboard">
        {variables !== undefined &&
          shown.map((section, index) => (
            <SectionView
              key={section.row === undefined ? index : rowKey(section.row)}
              section={section}
              scope={scope}
              range={range}
              tick={tick}
              dataSources={dataSources}
              onZoom={zoom}
              syncKey={dashboard.graphTooltip > 0 ? dashboard.uid || dashboard.title : undefined}
              onToggle={(key) => setToggledRows(flipped(toggledRows, key))}
              isViewed={viewed !== null}
            />
          ))}
      </main>
    </>
  );
}

function flipped(set: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(key)) next.add(key);
  return next;
}

function scopeOf(dashboard: Dashboard, states: readonly VariableState[]): Scope {
  const scope = new Map<string, VariableValue>(
    states.map((state) => [state.variable.name, valueOfState(state)]),
  );
  scope.set("__dashboard", fixed(dashboard.title));
  scope.set("__org", fixed("1"));
  return scope;
}

function onlyPanel(sections: readonly Section[], id: string): Section[] {
  const panel = sections.flatMap(({ panels }) => panels).find((one) => String(one.id) === id);
  if (panel === undefined) return [...sections];
  return [
    { row: undefined, collapsed: false, panels: [{ ...panel, gridPos: { x: 0, y: 0, w: 24, h: 22 } }] },
  ];
}

interface SectionProps {
  section: Section;
  scope: Scope;
  range: TimeRange;
  tick: number;
  dataSources: readonly DataSourceInfo[];
  onZoom: (fromMs: number, toMs: number) => void;
  syncKey: string | undefined;
  onToggle: (key: string) => void;
  isViewed: boolean;
}

function SectionView({
  section,
  scope,
  range,
  tick,
  dataSources,
  onZoom,
  syncKey,
  onToggle,
  isViewed,
}: SectionProps) {
  const { row, collapsed, panels } = section;
  const height = Math.max(0, ...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return (
    <section>
      {row !== undefined && (
        <button
          type="button"
          class="row-title"
          aria-expanded={!collapsed}
          onClick={() => onToggle(rowKey(row))}
        >
          <span class={collapsed ? "chevron" : "chevron open"}>›</span>
          {interpolate(row.title, scopeFor(row, scope), textFormat)}
          {collapsed && <span class="muted"> ({panels.length} panels)</span>}
        </button>
      )}
      {!collapsed && (
        <div class="grid" style={css({ height: height * (ROW_PX + GAP_PX) - GAP_PX })}>
          {panels.map((panel) => (
            <div
              class="cell"
              key={`${panel.id} ${JSON.stringify(panel.scopedVariables ?? null)}`}
              style={css(positionOf(panel))}
            >
              <PanelFrame
                panel={panel}
                scope={scopeFor(panel, scope)}
                range={range}
                tick={tick}
                dataSources={dataSources}
                onZoom={onZoom}
                syncKey={syncKey}
                onView={() =>
                  isViewed ? setQuery({ viewPanel: [] }) : setQuery({ viewPanel: [String(panel.id)] })
                }
              />
            </div>
          ))}
        </div>
      )}
    </section>
  );
}

function positionOf({ gridPos: { x, y, w, h } }: Panel) {
  return {
    left: `calc(${(x / 24) * 100}% + ${x === 0 ? 0 : GAP_PX / 2}px)`,
    top: y * (ROW_PX + GAP_PX),
    width: `calc(${(w / 24) * 100}% - ${x === 0 || x + w === 24 ? (w === 24 ? 0 : GAP_PX / 2) : GAP_PX}px)`,
    height: h * (ROW_PX + GAP_PX) - GAP_PX,
  };
}

/** With the values that a panel was repeated for. */
function scopeFor({ scopedVariables }: Panel, scope: Scope): Scope {
  if (scopedVariables === undefined) return scope;
  const own = new Map(scope);
  for (const [name, value] of Object.entries(scopedVariables)) own.set(name, fixed(value));
  return own;
}
