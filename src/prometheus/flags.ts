/** The command line of `prometheus` (3.14): every flag that upstream takes, with its default. */
import type { FlagDefaults } from "./config/scrape-config.ts";
import { ConfigError } from "./config/strict-yaml.ts";
import { formatBytes, formatDuration, parseBytes, parseDuration } from "./config/units.ts";
import type { ParserOptions } from "./promql/mod.ts";
import type { WriteFeatures } from "./remote/write-receiver.ts";
import type { ScrapeFeatures } from "./scrape/append-scrape.ts";

type FlagKind = "text" | "boolean" | "duration" | "bytes" | "integer" | "number" | "list";

/** Flag → kind and default. Those that have no meaning here are taken and shown, like Go's own tuning. */
const FLAGS: Record<string, [kind: FlagKind, preset: string]> = {
  agent: ["boolean", "false"],
  "alertmanager.drain-notification-queue-on-shutdown": ["boolean", "true"],
  "alertmanager.notification-batch-size": ["integer", "256"],
  "alertmanager.notification-queue-capacity": ["integer", "10000"],
  "auto-gomaxprocs": ["boolean", "true"],
  "auto-gomemlimit": ["boolean", "true"],
  "auto-gomemlimit.ratio": ["number", "0.9"],
  "auto-gomemlimit.refresh-interval": ["duration", "0s"],
  "config.auto-reload": ["boolean", "false"],
  "config.auto-reload-interval": ["duration", "30s"],
  "config.file": ["text", "prometheus.yml"],
  "enable-feature": ["list", ""],
  "log.format": ["text", "logfmt"],
  "log.level": ["text", "info"],
  "query.lookback-delta": ["duration", "5m"],
  "query.max-concurrency": ["integer", "20"],
  "query.max-samples": ["integer", "50000000"],
  "query.timeout": ["duration", "2m"],
  "rules.alert.for-grace-period": ["duration", "10m"],
  "rules.alert.for-outage-tolerance": ["duration", "1h"],
  "rules.alert.resend-delay": ["duration", "1m"],
  "rules.max-concurrent-evals": ["integer", "4"],
  "scrape.adjust-timestamps": ["boolean", "true"],
  "scrape.discovery-reload-interval": ["duration", "5s"],
  "scrape.timestamp-tolerance": ["duration", "2ms"],
  "storage.agent.checkpoint-batch-size": ["integer", "1000"],
  "storage.agent.checkpoint-from-in-memory-series": ["boolean", "false"],
  "storage.agent.no-lockfile": ["boolean", "false"],
  "storage.agent.path": ["text", "data-agent/"],
  "storage.agent.retention.max-time": ["duration", "4h"],
  "storage.agent.retention.min-time": ["duration", "5m"],
  "storage.agent.wal-compression": ["boolean", "true"],
  "storage.agent.wal-compression-type": ["text", "snappy"],
  "storage.agent.wal-segment-size": ["bytes", "0B"],
  "storage.agent.wal-truncate-frequency": ["duration", "0s"],
  "storage.remote.flush-deadline": ["duration", "1m"],
  "storage.remote.read-concurrent-limit": ["integer", "10"],
  "storage.remote.read-max-bytes-in-frame": ["integer", "1048576"],
  "storage.remote.read-sample-limit": ["integer", "50000000"],
  "storage.tsdb.allow-overlapping-compaction": ["boolean", "true"],
  "storage.tsdb.block-reload-interval": ["duration", "1m"],
  "storage.tsdb.delay-compact-file.path": ["text", ""],
  "storage.tsdb.delayed-compaction.max-percent": ["integer", "10"],
  "storage.tsdb.head-chunks-write-queue-size": ["integer", "0"],
  "storage.tsdb.max-block-chunk-segment-size": ["bytes", "0B"],
  "storage.tsdb.max-block-duration": ["duration", "0s"],
  "storage.tsdb.min-block-duration": ["duration", "2h"],
  "storage.tsdb.no-lockfile": ["boolean", "false"],
  "storage.tsdb.path": ["text", "data/"],
  "storage.tsdb.retention.size": ["bytes", "0B"],
  "storage.tsdb.retention.time": ["duration", "0s"],
  "storage.tsdb.samples-per-chunk": ["integer", "120"],
  "storage.tsdb.wal-compression": ["boolean", "true"],
  "storage.tsdb.wal-compression-type": ["text", "snappy"],
  "storage.tsdb.wal-segment-size": ["bytes", "0B"],
  "web.config.file": ["text", ""],
  "web.console.libraries": ["text", "console_libraries"],
  "web.console.templates": ["text", "consoles"],
  "web.cors.origin": ["text", ".*"],
  "web.enable-admin-api": ["boolean", "false"],
  "web.enable-lifecycle": ["boolean", "false"],
  "web.enable-otlp-receiver": ["boolean", "false"],
  "web.enable-remote-write-receiver": ["boolean", "false"],
  "web.external-url": ["text", ""],
  "web.listen-address": ["list", "0.0.0.0:9090"],
  "web.max-connections": ["integer", "512"],
  "web.max-notifications-subscribers": ["integer", "16"],
  "web.page-title": ["text", "Prometheus Time Series Collection and Processing Server"],
  "web.read-timeout": ["duration", "5m"],
  "web.remote-write-receiver.accepted-protobuf-messages": [
    "list",
    "prometheus.WriteRequest,io.prometheus.write.v2.Request",
  ],
  "web.route-prefix": ["text", ""],
  "web.search.max-limit": ["integer", "10000"],
  "web.user-assets": ["text", ""],
  "write-documentation": ["boolean", "false"],
};
/** Flags that only an agent takes. */
export function isForAgents(name: string): boolean {
  return name.startsWith("storage.agent.");
}

/** Flags that an agent does not take. */
export function isForServers(name: string): boolean {
  return (
    /^(?:alertmanager|query|rules|storage\.tsdb|storage\.remote\.read)[.-]/.test(name) ||
    name === "web.search.max-limit"
  );
}

/** Exemplars kept where they are on and the configuration says no number. */
export const DEFAULT_MAX_EXEMPLARS = 100_000;
/** Retention when neither flag nor configuration says one. */
const DEFAULT_RETENTION_MS = 15 * 86_400_000;

const MAX_BLOCK_DURATION_MS = 31 * 86_400_000;

/** Below which path the server answers; "": at the root. */
export function routePrefixOf(flags: Flags): string {
  const given = flags.text("web.route-prefix");
  const external = flags.text("web.external-url");
  const path = given !== "" ? given : pathOf(external);
  return `/${path.replace(/^\/+|\/+$/g, "")}`.replace(/^\/$/, "");
}

/** The path of a URL, which may be nothing but one. */
function pathOf(url: string): string {
  return /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(url) ? new URL(url).pathname : url.replace(/[?#].*$/s, "");
}

/** The parts of PromQL that are on. */
export function languageOf(flags: Flags): ParserOptions {
  return {
    experimentalFunctions: flags.hasFeature("promql-experimental-functions"),
    extendedRangeSelectors: flags.hasFeature("promql-extended-range-selectors"),
    fillModifiers: flags.hasFeature("promql-binop-fill-modifiers"),
    unquotedUtf8Names: flags.hasFeature("promql-unquoted-utf8-names"),
  };
}

export class Flags {
  readonly #values: Map<string, string>;

  constructor(values: Map<string, string>) {
    this.#values = values;
  }

  text(name: string): string {
    return this.#values.get(name) ?? FLAGS[name][1];
  }

  boolean(name: string): boolean {
    return this.text(name) === "true";
  }

  number(name: string): number {
    return Number(this.text(name));
  }

  /** Milliseconds. */
  duration(name: string): number {
    return parseDuration(this.text(name));
  }

  bytes(name: string): number {
    return parseBytes(this.text(name));
  }

  list(name: string): string[] {
    return this.text(name)
      .split(",")
      .filter((each) => each !== "");
  }

  /** The flags of the command line, in its order. */
  get given(): string[] {
    return [...this.#values.keys()];
  }

  isGiven(name: string): boolean {
    return this.#values.has(name);
  }

  hasFeature(name: string): boolean {
    return this.list("enable-feature").includes(name);
  }

  /** Of a configuration that says none: milliseconds and bytes, 0 for no limit. */
  get retention(): { time: number; size: number } {
    const time = this.duration("storage.tsdb.retention.time");
    const size = this.bytes("storage.tsdb.retention.size");
    return { time: time === 0 && size === 0 ? DEFAULT_RETENTION_MS : time, size };
  }

  /** What a flag that was not given comes to, where that is told instead of its default. */
  #effective(name: string): string | undefined {
    const keptMs = this.retention.time;
    switch (name) {
      case "storage.tsdb.retention.time":
        return formatDuration(keptMs);
      case "storage.tsdb.max-block-duration":
        return formatDuration(
          keptMs > 0 ? Math.min(keptMs / 10, MAX_BLOCK_DURATION_MS) : MAX_BLOCK_DURATION_MS,
        );
      case "web.route-prefix":
        return routePrefixOf(this) || "/";
      default:
        return undefined;
    }
  }

  /** All flags as `/api/v1/status/flags` shows them. */
  all(): Record<string, string> {
    return Object.fromEntries(
      Object.entries(FLAGS).map(([name, [kind]]) => {
        const value = this.text(name);
        if (value === "" || !this.isGiven(name)) {
          const effective = this.#effective(name);
          if (effective !== undefined) return [name, effective];
        }
        if (kind === "duration") return [name, formatDuration(parseDuration(value))];
        if (kind === "bytes") return [name, formatBytes(parseBytes(value))];
        return [name, value];
      }),
    );
  }
}

/** A command line that does not say what it is to be: unknown flags, missing and left-over arguments. */
export class FlagSyntaxError extends ConfigError {}

/**
 * `--name=value`, `--name value`, `--[no-]switch`.
 *
 * @throws FlagSyntaxError
 * @throws ConfigError for a value that its flag does not take
 */
export function parseFlags(args: readonly string[]): Flags {
  const values = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const match = /^--([^=]+)(?:=(.*))?$/s.exec(args[i]);
    if (match === null) {
      const isFlag = /^-[^-]/.test(args[i]);
      throw new FlagSyntaxError(
        isFlag ? `unknown short flag '${args[i].slice(0, 2)}'` : `unexpected ${args[i]}`,
      );
    }
    const isNegated = match[1].startsWith("no-") && FLAGS[match[1].slice(3)]?.[0] === "boolean";
    const name = isNegated ? match[1].slice(3) : match[1];
    if (!Object.hasOwn(FLAGS, name)) throw new FlagSyntaxError(`unknown long flag '--${match[1]}'`);
    const [kind] = FLAGS[name];
    if (kind === "boolean") {
      // What is given to a switch is an argument of its own to upstream, and there are none.
      if (match[2] !== undefined) throw new FlagSyntaxError(`unexpected ${match[2]}`);
      values.set(name, String(!isNegated));
      continue;
    }
    const value = match[2] ?? args[++i];
    if (value === undefined) throw new FlagSyntaxError(`expected argument for flag '--${name}'`);
    check(name, kind, value);
    const isRepeated = kind === "list" && values.has(name);
    values.set(name, isRepeated ? `${values.get(name)},${value}` : value);
  }
  return new Flags(values);
}

const MESSAGES_FLAG = "web.remote-write-receiver.accepted-protobuf-messages";

/** What flags with a few values may be. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  "log.format": ["logfmt", "json"],
  "log.level": ["debug", "info", "warn", "error"],
  "storage.tsdb.wal-compression-type": ["snappy", "zstd"],
};

function check(name: string, kind: FlagKind, value: string): void {
  const choices = CHOICES[name];
  if (choices !== undefined && !choices.includes(value)) {
    throw new ConfigError(
      name.startsWith("log.")
        ? `unrecognized ${name.replace(".", " ")} ${value}`
        : `enum value must be one of ${choices.join(",")}, got '${value}'`,
    );
  }
  if (kind === "duration") parseDuration(value);
  else if (kind === "bytes") parseBytes(value);
  else if ((kind === "integer" || kind === "number") && !/^[-+]?\d+(\.\d+)?(e\d+)?$/.test(value))
    throw new ConfigError(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`);
  else if (name === MESSAGES_FLAG) {
    const unknown = value.split(",").find((each) => !FLAGS[name][1].split(",").includes(each));
    if (unknown === undefined) return;
    const known = FLAGS[name][1].replaceAll(",", ", ");
    throw new ConfigError(`unknown type for remote write protobuf message ${unknown}, supported: ${known}`);
  }
}

/** What feature flags add to scrapes. */
export function scrapeFeatures(flags: Flags): ScrapeFeatures {
  const startZeros = flags.hasFeature("created-timestamp-zero-ingestion");
  return {
    startZeros,
    startTimes: startZeros,
    typeAndUnitLabels: flags.hasFeature("type-and-unit-labels"),
  };
}

/** What feature flags add to what is written by others. */
export function writeFeatures(flags: Flags): WriteFeatures {
  return {
    startZeros: flags.hasFeature("created-timestamp-zero-ingestion"),
    typeAndUnitLabels: flags.hasFeature("type-and-unit-labels"),
  };
}

/** What feature flags change of the configuration's defaults. */
export function flagDefaults(flags: Flags): FlagDefaults {
  return {
    protobufFirst: scrapeFeatures(flags).startTimes,
    extraScrapeMetrics: flags.hasFeature("extra-scrape-metrics"),
  };
}

/**
 * How records of the log are compressed. Not at all where nothing is said, other than upstream: it costs a third of
 * the time of an ingest, and the log is short-lived.
 */
export function walCompressionOf(flags: Flags): "none" | "snappy" {
  const isGiven = ["storage.tsdb.wal-compression", "storage.tsdb.wal-compression-type"].some((name) =>
    flags.isGiven(name),
  );
  return isGiven && flags.boolean("storage.tsdb.wal-compression") ? "snappy" : "none";
}

/** Undefined: the store's own. @throws ConfigError when it is too small or too large */
export function walSegmentBytesOf(flags: Flags): number | undefined {
  const bytes = flags.bytes("storage.tsdb.wal-segment-size");
  if (bytes === 0) return undefined;
  if (bytes < 10 << 20 || bytes > 256 << 20)
    throw new ConfigError("flag 'storage.tsdb.wal-segment-size' must be set between 10MB and 256MB");
  return bytes;
}
