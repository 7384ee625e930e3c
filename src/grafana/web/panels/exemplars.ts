/** Exemplars as diamonds above a graph's lines: pointing at one tells of it, clicking opens its trace. */
import type uPlot from "uplot";
import type { ExemplarPoint } from "../dashboard/panel-data.ts";

const REACH_PX = 8;

export function exemplarPlugin(
  exemplars: readonly ExemplarPoint[],
  scale: string | undefined,
  onHover: (exemplar: ExemplarPoint | undefined) => void,
): uPlot.Plugin {
  const position = (plot: uPlot, { ms, value }: ExemplarPoint, onCanvas: boolean): [number, number] => {
    const ratio = onCanvas ? devicePixelRatio : 1;
    const height = onCanvas ? plot.bbox.height : plot.over.clientHeight;
    const top = onCanvas ? plot.bbox.top : 0;
    const y = scale === undefined ? top : plot.valToPos(value, scale, onCanvas);
    // What is above the axis' end is shown at its edge.
    return [
      plot.valToPos(ms / 1000, "x", onCanvas),
      Math.min(top + height - 4 * ratio, Math.max(top + 4 * ratio, y)),
    ];
  };
  const nearest = (plot: uPlot): ExemplarPoint | undefined => {
    const { left = -1, top = -1 } = plot.cursor;
    return exemplars.find((exemplar) => {
      const [x, y] = position(plot, exemplar, false);
      return Math.abs(x - left) <= REACH_PX && Math.abs(y - top) <= REACH_PX;
    });
  };
  return {
    hooks: {
      draw: (plot) => {
        const { ctx } = plot;
        const size = 3.5 * devicePixelRatio;
        ctx.save();
        ctx.fillStyle = "#5794F2";
        for (const exemplar of exemplars) {
          const [x, y] = position(plot, exemplar, true);
          ctx.beginPath();
          ctx.moveTo(x, y - size);
          ctx.lineTo(x + size, y);
          ctx.lineTo(x, y + size);
          ctx.lineTo(x - size, y);
          ctx.fill();
        }
        ctx.restore();
      },
      setCursor: (plot) => {
        const found = nearest(plot);
        plot.over.style.cursor = found === undefined ? "crosshair" : "pointer";
        onHover(found);
      },
      ready: (plot) => {
        plot.over.addEventListener("click", () => {
          const found = nearest(plot);
          const trace = found?.labels["trace_id"] ?? found?.labels["traceID"] ?? found?.labels["traceId"];
          const span = found?.labels["span_id"];
          if (trace !== undefined)
            window.location.assign(`/trace/${trace}${span === undefined ? "" : `?span=${span}`}`);
        });
      },
    },
  };
}
