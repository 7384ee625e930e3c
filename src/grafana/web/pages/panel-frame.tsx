/** A panel's title and box; loads its data when it comes into view. */
import { Component, type ComponentChildren, type ComponentType } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { DataSourceInfo } from "../api.ts";
import { interpolate, type Scope, textFormat } from "../dashboard/interpolate.ts";
import type { Panel } from "../dashboard/model.ts";
import { OWN_DATA } from "../dashboard/own-data.ts";
import type { PanelData } from "../dashboard/panel-data.ts";
import { runQueries } from "../dashboard/run-queries.ts";
import type { TimeRange } from "../dashboard/time-range.ts";
import { AlertListPanel } from "../panels/alert-list.tsx";
import { BarGaugePanel } from "../panels/bar-gauge.tsx";
import { DashboardLinksPanel } from "../panels/dashboard-links.tsx";
import { GaugePanel } from "../panels/gauge.tsx";
import { HeatmapPanel } from "../panels/heatmap.tsx";
import { LogsPanel } from "../panels/logs.tsx";
import type { PanelProps } from "../panels/panel-props.ts";
import { PieChartPanel } from "../panels/pie-chart.tsx";
import { StatPanel } from "../panels/stat.tsx";
import { StateTimelinePanel } from "../panels/state-timeline.tsx";
import { TablePanel } from "../panels/table.tsx";
import { TextPanel } from "../panels/text.tsx";
import { TimeSeriesPanel } from "../panels/time-series.tsx";

const PANELS: Record<string, ComponentType<PanelProps>> = {
  timeseries: TimeSeriesPanel,
  barchart: BarGaugePanel,
  trend: TimeSeriesPanel,
  stat: StatPanel,
  gauge: GaugePanel,
  bargauge: BarGaugePanel,
  piechart: PieChartPanel,
  table: TablePanel,
  heatmap: HeatmapPanel,
  "state-timeline": StateTimelinePanel,
  "status-history": StateTimelinePanel,
  text: TextPanel,
  logs: LogsPanel,
  alertlist: AlertListPanel,
  dashlist: DashboardLinksPanel,
};

const PADDING_PX = 8;
const TITLE_PX = 30;

interface Props {
  panel: Panel;
  scope: Scope;
  range: TimeRange;
  tick: number;
  dataSources: readonly DataSourceInfo[];
  onZoom: (fromMs: number, toMs: number) => void;
  syncKey: string | undefined;
  onView: () => void;
}

export function PanelFrame(props: Props) {
  const { panel, scope, onZoom, syncKey } = props;
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const isSeen = useSeen(box);
  const { data, isLoading } = usePanelData(props, isSeen, size?.width ?? 0);
  const fill = (text: string) => interpolate(text, scope, textFormat);
  const title = fill(panel.title);
  const View = PANELS[panel.type];
  const hasTitle = title !== "" || panel.description !== undefined;
  const inner =
    size === undefined || size.width <= 2 * PADDING_PX || size.height <= TITLE_PX + PADDING_PX
      ? undefined
      : {
          width: size.width - 2 * PADDING_PX,
          height: size.height - PADDING_PX - (hasTitle ? TITLE_PX : PADDING_PX),
        };
  return (
    <article
      class={panel.transparent === true ? "panel transparent" : "panel"}
      ref={box}
      data-panel={panel.type}
      aria-label={title}
    >
      {isLoading && <div class="loading" />}
      {hasTitle && (
        <div class="panel-title">
          <button type="button" class="title-text" onClick={props.onView} title={title}>
            {title}
          </button>
          {panel.description && (
            <span class="info" title={fill(panel.description)}>
              i
            </span>
          )}
          {data?.error !== undefined && (
            <span class="warn" title={data.error}>
              !
            </span>
          )}
        </div>
      )}
      <div class="panel-body">
        {View === undefined ? (
          <div class="no-data">Panels of type “{panel.type}” are not drawn here.</div>
        ) : (
          data !== undefined &&
          inner !== undefined && (
            <Boundary key={panel.type}>
              {data.error !== undefined && data.frames.length === 0 ? (
                <div class="no-data error">{data.error}</div>
              ) : (
                <View panel={panel} data={data} {...inner} onZoom={onZoom} syncKey={syncKey} fill={fill} />
              )}
            </Boundary>
          )
        )}
      </div>
    </article>
  );
}

/** A panel that cannot be drawn does not take the page with it. */
class Boundary extends Component<{ children: ComponentChildren }, { error?: Error }> {
  override state: { error?: Error } = {};

  static override getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    return this.state.error === undefined ? (
      this.props.children
    ) : (
      <div class="no-data error">{this.state.error.message}</div>
    );
  }
}

function useSize(element: { current: HTMLElement | null }) {
  const [size, setSize] = useState<{ width: number; height: number }>();
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry.contentRect;
      setSize((old) =>
        old?.width === Math.floor(width) && old.height === Math.floor(height)
          ? old
          : { width: Math.floor(width), height: Math.floor(height) },
      );
    });
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  return size;
}

/** Whether the element is, or soon will be, in the window. */
function useSeen(element: { current: HTMLElement | null }): boolean {
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => setSeen(entry.isIntersecting), {
      rootMargin: "300px",
    });
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  return isSeen;
}

function usePanelData({ panel, scope, range, dataSources }: Props, isSeen: boolean, width: number) {
  const [data, setData] = useState<PanelData>();
  const [isLoading, setLoading] = useState(false);
  const points = Math.max(100, Math.round(width / 100) * 100);
  useEffect(() => {
    if (!isSeen || width === 0) return;
    if (panel.targets.length === 0 && OWN_DATA[panel.type] === undefined)
      return setData({ frames: [], exemplars: [], range });
    const abort = new AbortController();
    setLoading(true);
    runQueries(panel, { scope, range, maxDataPoints: points, dataSources, signal: abort.signal })
      .then((result) => !abort.signal.aborted && setData(result))
      .catch(
        (error: Error) =>
          !abort.signal.aborted && setData({ frames: [], exemplars: [], range, error: error.message }),
      )
      .finally(() => !abort.signal.aborted && setLoading(false));
    return () => abort.abort();
  }, [panel, scope, range, isSeen, points, width === 0]);
  return { data, isLoading };
}
