/**
 * OpenTelemetry names as Prometheus names: the rules of the specification's "Prometheus and OpenMetrics
 * Compatibility", as far as instruments of a program need them (the Collector has the whole translation).
 */

/** UCUM units that Prometheus spells out. */
const UNITS: Record<string, string> = {
  s: "seconds",
  ms: "milliseconds",
  us: "microseconds",
  ns: "nanoseconds",
  min: "minutes",
  h: "hours",
  d: "days",
  By: "bytes",
  KiBy: "kibibytes",
  MiBy: "mebibytes",
  "%": "percent",
  "1": "",
};

/**
 * `http.server.request.duration` in `s` → `http_server_request_duration_seconds`. A unit that the name already ends
 * with is not repeated; one in braces is an annotation and left out.
 */
export function prometheusName(name: string, unit: string): string {
  const base = labelName(name).replace(/_+/g, "_");
  const word = unit.startsWith("{") ? "" : (UNITS[unit] ?? labelName(unit));
  return word === "" || base.split("_").includes(word) ? base : `${base}_${word}`;
}

/** The family of a counter: `_total` belongs to its samples. */
export function counterName(name: string): string {
  return name.replace(/_total$/, "");
}

/** `http.request.method` → `http_request_method`. */
export function labelName(name: string): string {
  const clean = name.replace(/[^a-zA-Z0-9_]/g, "_");
  return /^[0-9]/.test(clean) ? `_${clean}` : clean;
}
