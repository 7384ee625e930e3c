/** The variables of the OpenTelemetry specification that this library reads itself; the SDK's exporters read the rest. */

export type Environment = Readonly<Record<string, string | undefined>>;
export type Signal = "metrics" | "traces" | "logs";

/** `OTEL_SDK_DISABLED=true` turns off everything but the `/metrics` page. */
export function isSdkDisabled(env: Environment): boolean {
  return env["OTEL_SDK_DISABLED"]?.trim().toLowerCase() === "true";
}

/** Whether a signal goes out by OTLP: `OTEL_METRICS_EXPORTER` and its like are unset, or name `otlp`. */
export function exportsSignal(env: Environment, signal: Signal): boolean {
  const names = env[`OTEL_${signal.toUpperCase()}_EXPORTER`]?.trim();
  if (names === undefined || names === "") return true;
  return names.split(",").some((name) => name.trim() === "otlp");
}

/** The collector's address for a signal. @default http://localhost:4317 */
export function otlpEndpoint(env: Environment, signal: Signal): string {
  const specific = env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`]?.trim();
  return specific || env["OTEL_EXPORTER_OTLP_ENDPOINT"]?.trim() || "http://localhost:4317";
}

/** A number of milliseconds; the default for what is no number above zero. */
export function millisecondsOf(env: Environment, name: string, fallbackMs: number): number {
  const text = env[name]?.trim();
  const value = Number(text);
  return text !== undefined && text !== "" && Number.isFinite(value) && value > 0 ? value : fallbackMs;
}

/**
 * The resource: `OTEL_RESOURCE_ATTRIBUTES` (`key=value,…`, percent-encoded; any error discards all of it, as the
 * specification says) over `defaults`, and `OTEL_SERVICE_NAME` over both.
 */
export function resourceAttributes(env: Environment, defaults: Readonly<Record<string, string>> = {}) {
  const attributes: Record<string, string> = {
    "service.name": "unknown_service:node",
    ...defaults,
    ...parsePairs(env["OTEL_RESOURCE_ATTRIBUTES"] ?? ""),
  };
  const serviceName = env["OTEL_SERVICE_NAME"]?.trim();
  if (serviceName) attributes["service.name"] = serviceName;
  return attributes;
}

function parsePairs(text: string): Record<string, string> {
  const pairs: [string, string][] = [];
  for (const part of text.split(",").filter((piece) => piece.trim() !== "")) {
    const pieces = part.split("=");
    if (pieces.length !== 2 || pieces[0].trim() === "") return {};
    try {
      pairs.push([decodeURIComponent(pieces[0].trim()), decodeURIComponent(pieces[1].trim())]);
    } catch {
      return {};
    }
  }
  return Object.fromEntries(pairs);
}

/**
 * Which names HTTP metrics go by. Since the conventions became stable the new ones are the default; `http/dup` adds
 * the old ones (`http.server.duration` in ms), for dashboards that were made for them.
 */
export function httpNames(env: Environment): { old: boolean } {
  const opted = (env["OTEL_SEMCONV_STABILITY_OPT_IN"] ?? "").split(",").map((name) => name.trim());
  return { old: opted.includes("http/dup") };
}
