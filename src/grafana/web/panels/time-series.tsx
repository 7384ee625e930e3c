/** The panel `timeseries`. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { css } from "../css.ts";
import type { ExemplarPoint } from "../dashboard/panel-data.ts";
import { displayText } from "../data/units.ts";
import { exemplarPlugin } from "./exemplars.ts";
import { type GraphSeries, graphData } from "./graph-data.ts";
import { graphOptions } from "./graph-options.ts";
import { GraphTooltip, type TooltipState } from "./graph-tooltip.tsx";
import { Legend, type LegendItem, type LegendOptions, legendHeight } from "./legend.tsx";
import { option, type PanelProps } from "./panel-props.ts";

const LEGEND_WIDTH = 0.32;

export function TimeSeriesPanel(props: PanelProps) {
  const { panel, data, width, height } = props;
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const graph = useMemo(() => graphData(data.frames, hidden), [data, hidden]);
  const legend = option<LegendOptions>(panel, "legend", {});
  const items = graph.series.filter((series) => !series.hiddenInLegend).map(legendItem);
  const isShown = legend.showLegend !== false && legend.displayMode !== "hidden" && items.length > 0;
  const isRight = legend.placement === "right" && width > 320;
  const below = isShown && !isRight ? legendHeight(legend, items.length, width, height) : 0;
  const beside = isShown && isRight ? Math.min(legend.width ?? width * LEGEND_WIDTH, width * 0.6) : 0;
  const toggle = (name: string, isAdding: boolean) =>
    setHidden(
      toggled(
        hidden,
        name,
        isAdding,
        items.map((item) => item.name),
      ),
    );
  return (
    <div class={isRight ? "graph graph-beside" : "graph"}>
      <Graph
        {...props}
        series={graph.series}
        times={graph.times}
        hidden={hidden}
        width={width - beside}
        height={height - below}
      />
      {isShown && (
        <Legend
          items={items}
          options={legend}
          hidden={hidden}
          onToggle={toggle}
          width={isRight ? beside : width}
          height={isRight ? height : below}
        />
      )}
    </div>
  );
}

function legendItem({ name, color, values, config }: GraphSeries): LegendItem {
  return { name, color, values, config };
}

/** A click shows one series alone, and all again; with a modifier it adds or removes one. */
export function toggled(
  hidden: ReadonlySet<string>,
  name: string,
  isAdding: boolean,
  names: readonly string[],
): ReadonlySet<string> {
  if (isAdding) {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    return next;
  }
  const isAlone = !hidden.has(name) && hidden.size === names.length - 1;
  return isAlone ? new Set() : new Set(names.filter((other) => other !== name));
}

interface GraphProps extends PanelProps {
  series: GraphSeries[];
  times: number[];
  hidden: ReadonlySet<string>;
}

function Graph(props: GraphProps) {
  const { series, times, hidden, width, height, data, panel, onZoom, syncKey } = props;
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const [tooltip, setTooltip] = useState<TooltipState>();
  const [exemplar, setExemplar] = useState<ExemplarPoint>();
  const { fromMs, toMs } = data.range;
  useLayoutEffect(() => {
    if (width < 40 || height < 30) return;
    const plugins = [tooltipPlugin(setTooltip)];
    if (data.exemplars.length > 0)
      plugins.push(exemplarPlugin(data.exemplars, series[0]?.scale, setExemplar));
    const settings = { size: { width, height }, fromMs, toMs, hidden, syncKey, onZoom, plugins };
    const made = new uPlot(
      graphOptions({ times, series }, settings),
      [times, ...series.map(({ drawn }) => drawn)],
      element.current!,
    );
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, [series, width, height, syncKey]);
  useEffect(() => setTooltip(undefined), [series]);
  const mode = option<{ mode?: string; sort?: string }>(panel, "tooltip", {});
  return (
    <div class="graph-canvas" ref={element} style={css({ width, height })}>
      {times.length === 0 && <div class="no-data">No data</div>}
      {tooltip !== undefined && mode.mode !== "none" && exemplar === undefined && (
        <GraphTooltip
          state={tooltip}
          series={series}
          times={times}
          hidden={hidden}
          mode={mode.mode ?? "single"}
          sort={mode.sort ?? "none"}
        />
      )}
      {exemplar !== undefined && (
        <ExemplarTip
          exemplar={exemplar}
          series={series[0]}
          left={tooltip?.left ?? 0}
          top={tooltip?.top ?? 0}
        />
      )}
    </div>
  );
}

function ExemplarTip({
  exemplar,
  series,
  left,
  top,
}: {
  exemplar: ExemplarPoint;
  series?: GraphSeries;
  left: number;
  top: number;
}) {
  return (
    <div class="tooltip" style={css({ left: left + 14, top })}>
      <div class="tooltip-title">Exemplar · {displayText(exemplar.value, series?.config ?? {})}</div>
      {Object.entries(exemplar.labels).map(([name, value]) => (
        <div class="tooltip-row" key={name}>
          <span class="tooltip-name">{name}</span>
          <b>{value}</b>
        </div>
      ))}
      <div class="muted">click to see the trace</div>
    </div>
  );
}

function tooltipPlugin(show: (state: TooltipState | undefined) => void): uPlot.Plugin {
  return {
    hooks: {
      setCursor: (plot) => {
        const { idx, left, top } = plot.cursor;
        const isInside = idx !== null && idx !== undefined && left !== undefined && left >= 0;
        if (!isInside) return show(undefined);
        const focused =
          plot.series.findIndex((series, i) => i > 0 && (series as { _focus?: boolean })._focus === true) - 1;
        show({
          row: idx,
          left: left + plot.over.offsetLeft,
          // A cursor that another graph moves has a line but no height.
          top: (top ?? 0) + plot.over.offsetTop,
          width: plot.width,
          height: plot.height,
          focused,
          isOwn: plot.cursor.event !== undefined && plot.cursor.event !== null,
        });
      },
    },
  };
}
