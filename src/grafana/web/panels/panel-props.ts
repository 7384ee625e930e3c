/** What every kind of panel gets to draw. */

import type { Panel } from "../dashboard/model.ts";
import type { PanelData } from "../dashboard/panel-data.ts";

export interface PanelProps {
  panel: Panel;
  data: PanelData;
  width: number;
  height: number;
  /** The user marked a part of the time axis. */
  onZoom: (fromMs: number, toMs: number) => void;
  /** Graphs of one dashboard that move their cursors together; undefined for none. */
  syncKey: string | undefined;
  /** Fills variables into a text, for display. */
  fill: (text: string) => string;
}

/** Literals as what they are one of. */
type Widened<T> = T extends string ? string : T extends boolean ? boolean : T;

/** One of the panel's options. */
export function option<T>(panel: Panel, key: string, fallback: T): Widened<T> {
  return (panel.options[key] ?? fallback) as Widened<T>;
}
