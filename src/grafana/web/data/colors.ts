/** The colours that dashboards name, and how a series or value gets one (upstream `packages/grafana-data/src/themes`). */
import type { FieldConfig } from "./frame.ts";

/** By hue: super-light, light, plain, semi-dark, dark. */
const HUES: Record<string, readonly [string, string, string, string, string]> = {
  red: ["#FFA6B0", "#FF7383", "#F2495C", "#E02F44", "#C4162A"],
  orange: ["#FFCB7D", "#FFB357", "#FF9830", "#FF780A", "#FA6400"],
  yellow: ["#FFF899", "#FFEE52", "#FADE2A", "#F2CC0C", "#E0B400"],
  green: ["#C8F2C2", "#96D98D", "#73BF69", "#56A64B", "#37872D"],
  blue: ["#C0D8FF", "#8AB8FF", "#5794F2", "#3274D9", "#1F60C4"],
  purple: ["#DEB6F2", "#CA95E5", "#B877D9", "#A352CC", "#8F3BB8"],
};
const SHADES = ["super-light-", "light-", "", "semi-dark-", "dark-"];

const CLASSIC = [
  "#73BF69",
  "#F2CC0C",
  "#8AB8FF",
  "#FF780A",
  "#F2495C",
  "#5794F2",
  "#B877D9",
  "#705DA0",
  "#37872D",
  "#FADE2A",
  "#447EBC",
  "#C15C17",
  "#890F02",
  "#0A437C",
  "#6D1F62",
  "#584477",
  "#B7DBAB",
  "#F4D598",
  "#70DBED",
  "#F9BA8F",
  "#F29191",
  "#82B5D8",
  "#E5A8E2",
  "#AEA2E0",
  "#629E51",
  "#E5AC0E",
  "#64B0C8",
  "#E0752D",
  "#BF1B00",
  "#0A50A1",
];

/** From low to high, for the modes `continuous-…`. */
const GRADIENTS: Record<string, readonly string[]> = {
  GrYlRd: ["green", "yellow", "red"],
  RdYlGr: ["red", "yellow", "green"],
  BlYlRd: ["dark-blue", "super-light-yellow", "dark-red"],
  YlRd: ["super-light-yellow", "dark-red"],
  BlPu: ["dark-blue", "dark-purple"],
  YlBl: ["super-light-yellow", "dark-blue"],
  blues: ["#181b1f", "blue"],
  reds: ["#181b1f", "red"],
  greens: ["#181b1f", "green"],
  purples: ["#181b1f", "purple"],
};

export const TEXT_COLOR = "#ccccdc";

/** `dark-red`, `#f00`, `rgb(…)`, `text`, `transparent` → something that CSS knows. */
export function cssColor(name: string | undefined): string {
  if (name === undefined || name === "" || name === "text") return TEXT_COLOR;
  for (const [index, shade] of SHADES.entries()) {
    const hue = name.startsWith(shade) ? name.slice(shade.length) : undefined;
    if (hue !== undefined && Object.hasOwn(HUES, hue)) return HUES[hue][index];
  }
  return name;
}

/** The colour of the n-th series. */
export function paletteColor(index: number): string {
  return CLASSIC[index % CLASSIC.length];
}

/** A colour for a name that stays the same as others come and go. */
export function paletteColorByName(name: string): string {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
  return paletteColor(Math.abs(hash));
}

/** The colour of the threshold that a value has reached. */
export function thresholdColor(config: FieldConfig, value: number): string {
  const { thresholds } = config;
  if (thresholds === undefined || thresholds.steps.length === 0) return cssColor("green");
  let compared = value;
  if (thresholds.mode === "percentage") {
    const [min, max] = [config.min ?? 0, config.max ?? 100];
    compared = max === min ? 0 : ((value - min) / (max - min)) * 100;
  }
  let { color } = thresholds.steps[0];
  for (const step of thresholds.steps) if (step.value === null || compared >= step.value) ({ color } = step);
  return cssColor(color);
}

/** The colour of a series: what its mode says, of its last value where that depends on values. */
export function seriesColor(config: FieldConfig, index: number, name: string, lastValue: number): string {
  const mode = config.color?.mode ?? "palette-classic";
  if (mode === "fixed" || mode === "shades") return cssColor(config.color?.fixedColor);
  if (mode === "thresholds") return thresholdColor(config, lastValue);
  if (mode === "palette-classic-by-name") return paletteColorByName(name);
  if (mode.startsWith("continuous-")) return gradientColor(mode, fraction(config, lastValue));
  return paletteColor(index);
}

/** The colour of a value, in a stat, gauge or cell. */
export function valueColor(config: FieldConfig, value: number, index = 0, name = ""): string {
  return seriesColor({ ...config, color: config.color ?? { mode: "thresholds" } }, index, name, value);
}

function fraction(config: FieldConfig, value: number): number {
  const [min, max] = [config.min ?? 0, config.max ?? 100];
  return max === min ? 0 : (value - min) / (max - min);
}

export function gradientColor(mode: string, position: number): string {
  const stops = (GRADIENTS[mode.replace("continuous-", "")] ?? GRADIENTS["GrYlRd"]).map(cssColor);
  return blend(stops, position);
}

/** The colour at `position` from 0 to 1 along hexadecimal colours. */
export function blend(stops: readonly string[], position: number): string {
  const at = Math.min(1, Math.max(0, Number.isFinite(position) ? position : 0)) * (stops.length - 1);
  const [low, high] = [stops[Math.floor(at)], stops[Math.ceil(at)]].map(channels);
  const part = at - Math.floor(at);
  return `rgb(${low.map((channel, i) => Math.round(channel + (high[i] - channel) * part)).join(",")})`;
}

function channels(color: string): number[] {
  const hex = /^#([0-9a-f]{6})$/i.exec(color)?.[1] ?? "808080";
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

/** The colour with an opacity from 0 to 1. */
export function withAlpha(color: string, alpha: number): string {
  const match = /^rgb\((.*)\)$/.exec(color);
  if (match !== null) return `rgba(${match[1]},${alpha})`;
  if (/^#[0-9a-f]{6}$/i.test(color)) return `rgba(${channels(color).join(",")},${alpha})`;
  return color;
}
