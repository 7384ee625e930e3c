/** Dashboards in the classic JSON model, as far as panels are drawn from them. */

import type { PanelFieldConfig } from "../data/field-config.ts";
import type { FieldConfig } from "../data/frame.ts";
import type { Transformation } from "../data/transformations/transform.ts";

export interface DataSourceRef {
  type?: string;
  uid?: string;
}

export interface Target {
  refId: string;
  datasource?: DataSourceRef | string | null;
  expr?: string;
  legendFormat?: string;
  format?: string;
  instant?: boolean;
  range?: boolean;
  hide?: boolean;
  exemplar?: boolean;
  interval?: string;
  intervalFactor?: number;
  /** Of Loki and Tempo. */
  query?: string;
  [key: string]: unknown;
}

export interface GridPosition {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: GridPosition;
  datasource?: DataSourceRef | string | null;
  targets: Target[];
  fieldConfig: PanelFieldConfig;
  options: Record<string, unknown>;
  transformations: Transformation[];
  interval?: string;
  maxDataPoints?: number;
  timeFrom?: string;
  timeShift?: string;
  transparent?: boolean;
  repeat?: string;
  repeatDirection?: "h" | "v";
  maxPerRow?: number;
  links?: { title?: string; url?: string; targetBlank?: boolean }[];
  /** Rows only. */
  collapsed?: boolean;
  /** Rows only: what a collapsed row holds. */
  panels?: Panel[];
  /** Values of the variables that this panel was repeated for. */
  scopedVariables?: Record<string, string>;
}

export interface Variable {
  name: string;
  type: string;
  label?: string;
  hide?: number;
  query?: unknown;
  datasource?: DataSourceRef | string | null;
  regex?: string;
  sort?: number;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string | null;
  current?: { value?: unknown; text?: unknown };
  options?: { value?: unknown; text?: unknown; selected?: boolean }[];
  auto?: boolean;
  auto_count?: number;
  auto_min?: string;
  description?: string;
}

export interface Dashboard {
  uid: string;
  title: string;
  description?: string;
  tags: string[];
  panels: Panel[];
  variables: Variable[];
  time: { from: string; to: string };
  refresh: string;
  /** 0: none, 1: crosshair, 2: crosshair and tooltip. */
  graphTooltip: number;
  links: {
    title?: string;
    url?: string;
    type?: string;
    tags?: string[];
    targetBlank?: boolean;
    asDropdown?: boolean;
  }[];
}

export const EMPTY_CONFIG: PanelFieldConfig = { defaults: {} as FieldConfig, overrides: [] };
