/** kube-state-metrics' flags, with upstream's names, defaults and messages (`pkg/options/options.go`, spf13/pflag). */
import { parseArgs } from "node:util";

const TEXT = { type: "string" } as const;
const LIST = { type: "string", multiple: true } as const;
const SWITCH = { type: "string" } as const;

const FLAGS = {
  host: { ...TEXT, default: "::" },
  port: { ...TEXT, default: "8080" },
  "telemetry-host": { ...TEXT, default: "::" },
  "telemetry-port": { ...TEXT, default: "8081" },
  resources: LIST,
  namespaces: LIST,
  "namespaces-denylist": LIST,
  "metric-allowlist": LIST,
  "metric-denylist": LIST,
  "metric-opt-in-list": LIST,
  "metric-labels-allowlist": { ...TEXT, default: "" },
  "metric-annotations-allowlist": { ...TEXT, default: "" },
  "custom-resource-state-config": TEXT,
  "custom-resource-state-config-file": TEXT,
  "custom-resource-state-only": SWITCH,
  // Lists come from the API server's memory in any case.
  "use-apiserver-cache": SWITCH,
  // How much is logged.
  v: { ...TEXT, short: "v" },
  help: { ...SWITCH, short: "h" },
} as const;

/** Flags that may stand without a value, which means true. */
const SWITCHES: readonly string[] = ["custom-resource-state-only", "use-apiserver-cache", "help"];
const PORTS = ["port", "telemetry-port"] as const;

/** Upstream's flags that would change what is served and are not here: refused by name, rather than ignored. */
const NOT_SUPPORTED: readonly string[] = [
  "apiserver",
  "auth-filter",
  "config",
  "continue-without-config",
  "continue-without-custom-resource-state-config-file",
  "enable-gzip-encoding",
  "kubeconfig",
  "node",
  "object-limit",
  "pod",
  "pod-namespace",
  "shard",
  "tls-config",
  "total-shards",
  "track-unscheduled-pods",
];

export const USAGE = `Usage:
  kube-state-metrics [flags]

Flags:
${Object.keys(FLAGS)
  .sort()
  .map((name) => `      --${name}\n`)
  .join("")}`;

export interface CommandFlags {
  host: string;
  port: number;
  telemetryHost: string;
  telemetryPort: number;
  resources: string[] | undefined;
  namespaces: string[] | undefined;
  namespacesDenied: string[] | undefined;
  metricAllowList: string[] | undefined;
  metricDenyList: string[] | undefined;
  metricOptInList: string[] | undefined;
  labelsAllowList: string;
  annotationsAllowList: string;
  customResourceConfig: string | undefined;
  customResourceConfigFile: string | undefined;
  customResourcesOnly: boolean;
  help: boolean;
}

/** @throws Error in pflag's words: `unknown flag: --x` */
export function parseCommandFlags(args: string[]): CommandFlags {
  const values = parse(args);
  // It changes nothing, and is still read as upstream reads it.
  isOn(values, "use-apiserver-cache");
  const [port, telemetryPort] = PORTS.map((name) => integer(name, values[name]));
  const resources = parts(values.resources);
  return {
    host: values.host,
    port,
    telemetryHost: values["telemetry-host"],
    telemetryPort,
    resources: resources?.length === 0 ? undefined : resources,
    namespaces: parts(values.namespaces),
    namespacesDenied: parts(values["namespaces-denylist"]),
    metricAllowList: parts(values["metric-allowlist"]),
    metricDenyList: parts(values["metric-denylist"]),
    metricOptInList: parts(values["metric-opt-in-list"]),
    labelsAllowList: values["metric-labels-allowlist"],
    annotationsAllowList: values["metric-annotations-allowlist"],
    customResourceConfig: values["custom-resource-state-config"],
    customResourceConfigFile: values["custom-resource-state-config-file"],
    customResourcesOnly: isOn(values, "custom-resource-state-only"),
    help: isOn(values, "help"),
  };
}

function parse(args: string[]) {
  const written = args.map((arg) =>
    SWITCHES.includes(arg.slice(2)) && arg.startsWith("--")
      ? `${arg}=true`
      : arg === "-h"
        ? "--help=true"
        : arg,
  );
  const { tokens } = parseArgs({ args: written, options: FLAGS, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === "positional")
      throw new Error(`unknown command "${token.value}" for "kube-state-metrics"`);
    if (token.kind !== "option") continue;
    if (NOT_SUPPORTED.includes(token.name)) throw new Error(`flag --${token.name} is not supported here`);
    if (!Object.hasOwn(FLAGS, token.name)) throw new Error(unknownFlag(token.name, token.rawName));
    if (token.value === undefined) throw new Error(`flag needs an argument: ${token.rawName}`);
  }
  return parseArgs({ args: written, options: FLAGS, strict: true }).values;
}

function unknownFlag(name: string, written: string): string {
  return written.startsWith("--")
    ? `unknown flag: --${name}`
    : `unknown shorthand flag: '${name}' in ${written}`;
}

function integer(name: string, text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw new Error(
    `invalid argument ${JSON.stringify(text)} for "--${name}" flag: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

/** What Go's `strconv.ParseBool` takes. */
function isOn(values: Readonly<Record<string, unknown>>, name: string): boolean {
  const text = values[name] as string | undefined;
  if (text === undefined || ["0", "f", "F", "false", "False", "FALSE"].includes(text)) return false;
  if (["1", "t", "T", "true", "True", "TRUE"].includes(text)) return true;
  throw new Error(
    `invalid argument ${JSON.stringify(text)} for "--${name}" flag: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

/** `a,b` and the same flag again: all of it, without empty parts. */
const parts = (values: string[] | undefined): string[] | undefined =>
  values
    ?.flatMap((value) => value.split(","))
    .map((part) => part.trim())
    .filter((part) => part !== "");
