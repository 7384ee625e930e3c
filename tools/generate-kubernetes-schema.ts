/**
 * Reads the Go types of the Kubernetes API and writes down their facts as data: field names, protobuf numbers, types,
 * which fields are required, and how lists are merged. No text of theirs is taken over.
 *
 * `node tools/generate-kubernetes-schema.ts FOLDER` where FOLDER has checkouts of kubernetes/api,
 * kubernetes/apimachinery, kubernetes/apiextensions-apiserver and kubernetes/kube-aggregator at one version.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./source-files.ts";

const OUTPUT = "src/wire/kubernetes/schema/builtin-types.generated.ts";

/** Import path of a package → its short name in the data, and its files. */
const PACKAGES: Record<string, [path: string, files: string[]]> = {
  "meta/v1": ["apimachinery/pkg/apis/meta/v1", ["types.go"]],
  "apiextensions/v1": [
    "apiextensions-apiserver/pkg/apis/apiextensions/v1",
    ["types.go", "types_jsonschema.go"],
  ],
  "apiregistration/v1": ["kube-aggregator/pkg/apis/apiregistration/v1", ["types.go"]],
  ...Object.fromEntries(
    "core/v1 apps/v1 batch/v1 autoscaling/v1 autoscaling/v2 policy/v1 rbac/v1 coordination/v1 discovery/v1 events/v1 networking/v1 scheduling/v1 storage/v1 authorization/v1 authentication/v1 admissionregistration/v1 certificates/v1 node/v1 flowcontrol/v1 resource/v1"
      .split(" ")
      .map((name) => [name, [`api/${name}`, ["types.go"]]]),
  ),
};

/** Kinds to start from: everything that they reach is kept. */
const ROOTS = (
  "core/v1: ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod PodTemplate " +
  "ReplicationController ResourceQuota Secret Service ServiceAccount Binding ComponentStatus;apps/v1: ControllerRevision DaemonSet " +
  "Deployment ReplicaSet StatefulSet;batch/v1: CronJob Job;autoscaling/v1: HorizontalPodAutoscaler Scale;autoscaling/v2: " +
  "HorizontalPodAutoscaler;policy/v1: PodDisruptionBudget Eviction;rbac/v1: ClusterRole ClusterRoleBinding Role " +
  "RoleBinding;coordination/v1: Lease;discovery/v1: EndpointSlice;events/v1: Event;networking/v1: Ingress IngressClass " +
  "NetworkPolicy IPAddress ServiceCIDR;scheduling/v1: PriorityClass;storage/v1: StorageClass CSIDriver CSINode " +
  "CSIStorageCapacity VolumeAttachment VolumeAttributesClass;certificates/v1: CertificateSigningRequest;node/v1: RuntimeClass;" +
  "authorization/v1: SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview LocalSubjectAccessReview;" +
  "authentication/v1: TokenReview TokenRequest SelfSubjectReview;admissionregistration/v1: " +
  "MutatingWebhookConfiguration ValidatingWebhookConfiguration ValidatingAdmissionPolicy " +
  "ValidatingAdmissionPolicyBinding;flowcontrol/v1: FlowSchema PriorityLevelConfiguration;resource/v1: DeviceClass " +
  "ResourceClaim ResourceClaimTemplate ResourceSlice;apiextensions/v1: CustomResourceDefinition;" +
  "apiregistration/v1: APIService;meta/v1: DeleteOptions"
)
  .split(";")
  .flatMap((line) => {
    const [name, kinds] = line.trim().split(": ");
    return kinds
      .trim()
      .split(/\s+/)
      .map((kind) => `${name}.${kind}`);
  });

/** Types with an encoding of their own. */
const SPECIAL: Record<string, string> = {
  "meta/v1.Time": "time",
  "meta/v1.MicroTime": "microtime",
  "meta/v1.Duration": "duration",
  "meta/v1.FieldsV1": "any",
  "meta/v1.Verbs": "[]string",
  "resource.Quantity": "quantity",
  "intstr.IntOrString": "intorstring",
  "runtime.RawExtension": "any",
  "types.UID": "string",
  "types.NamespacedName": "any",
  "types.NodeName": "string",
  "apiextensions/v1.JSON": "any",
  "apiextensions/v1.JSONSchemaPropsOrArray": "schemaorlist",
  "apiextensions/v1.JSONSchemaPropsOrBool": "schemaorbool",
  "apiextensions/v1.JSONSchemaPropsOrStringArray": "schemaorstrings",
};
const PRIMITIVES = new Set(["string", "bool", "int32", "int64", "float64", "int", "byte", "uint8"]);

interface Declaration {
  package: string;
  imports: Map<string, string>;
  /** The body of a struct, or the type on the right. */
  struct?: string;
  alias?: string;
  markers: string[];
}

const declarations = new Map<string, Declaration>();
const enums = new Map<string, string[]>();
/** Values of constants of all packages by their names. */
const constants = new Map<string, string>();

function readPackage(folder: string, name: string): void {
  const [path, files] = PACKAGES[name];
  for (const file of files) {
    const text = readFileSync(join(folder, path, file), "utf8");
    const imports = importsOf(text);
    for (const match of text.matchAll(
      /((?:^\/\/[^\n]*\n|^\n)*)^type (\w+) (struct \{\n([\s\S]*?)^\}|struct ?\{\}|[^\n{]+)$/gm,
    )) {
      const [, comment, type, right, body] = match;
      const markers = [...comment.matchAll(/^\/\/ ?\+(\S+)/gm)].map((marker) => marker[1]);
      const declaration: Declaration = { package: name, imports, markers };
      if (right.startsWith("struct")) declaration.struct = body ?? "";
      else declaration.alias = right.replace(/^= /, "").trim();
      declarations.set(`${name}.${type}`, declaration);
    }
    for (const match of text.matchAll(/^\s*\w+\s+(\w+)\s*=\s*"([^"]*)"/gm)) {
      const key = `${name}.${match[1]}`;
      enums.set(key, [...(enums.get(key) ?? []), match[2]]);
      constants.set(/\w+/.exec(match[0])![0], match[2]);
    }
    // `A = Type("x")`, and `A = Type(core.X)` of a constant that was read before.
    for (const match of text.matchAll(/^\s*\w+\s*=\s*([A-Z]\w*)\((?:"([^"]*)"|\w+\.(\w+))\)/gm)) {
      const key = `${name}.${match[1]}`;
      const value = match[2] ?? constants.get(match[3]);
      if (value !== undefined) enums.set(key, [...(enums.get(key) ?? []), value]);
    }
  }
}

function importsOf(text: string): Map<string, string> {
  const imports = new Map<string, string>();
  const block = /^import \(([\s\S]*?)^\)/m.exec(text)?.[1] ?? /^import (.*)$/m.exec(text)?.[1] ?? "";
  for (const [, alias, path] of block.matchAll(/^\s*(\w+)?\s*"([^"]+)"/gm)) {
    const parts = path.split("/");
    const known =
      /^k8s\.io\/(?:api|apimachinery\/pkg\/apis|apiextensions-apiserver\/pkg\/apis)\/(\w+\/\w+)$/.exec(
        path,
      )?.[1];
    imports.set(alias ?? parts.at(-1)!, known ?? parts.at(-1)!);
  }
  return imports;
}

/** A Go type as the data has it: `[]core/v1.Container`, `{}string`, `int32`. */
function resolve(goType: string, from: Declaration): string {
  if (goType.startsWith("*")) return resolve(goType.slice(1), from);
  if (goType === "[]byte") return "bytes";
  if (goType.startsWith("[]")) return `[]${resolve(goType.slice(2), from)}`;
  const map = /^map\[[\w.]+\](.+)$/.exec(goType);
  if (map) return `{}${resolve(map[1], from)}`;
  if (PRIMITIVES.has(goType)) return goType === "int" ? "int32" : goType;
  const [qualifier, bare] = goType.includes(".") ? goType.split(".") : [undefined, goType];
  const name =
    qualifier === undefined
      ? `${from.package}.${bare}`
      : `${from.imports.get(qualifier) ?? qualifier}.${bare}`;
  if (SPECIAL[name]) return SPECIAL[name];
  const declaration = declarations.get(name);
  if (declaration === undefined) throw new Error(`unknown type ${name} in ${from.package}`);
  if (declaration.struct !== undefined) return name;
  const base = resolve(declaration.alias!, declaration);
  const isEnum = declaration.markers.includes("enum") && base === "string" && enums.has(name);
  return isEnum ? name : base;
}

/** The name of a type that is a text, a list or a map by another name, as Go's messages have it: `v1.URIScheme`. */
function namedType(goType: string, from: Declaration, resolved: string): string {
  const [, list, bare] = /^\*?(\[\])?\*?([A-Za-z_][\w.]*)$/.exec(goType) ?? [];
  const isKnownByName = resolved.includes("/") && !(resolved.startsWith("[]") && list === undefined);
  if (bare === undefined || PRIMITIVES.has(bare) || isKnownByName) return "";
  const [qualifier, name] = bare.includes(".") ? bare.split(".") : [undefined, bare];
  const owner = qualifier === undefined ? from.package : (from.imports.get(qualifier) ?? qualifier);
  const isNamed = owner === "types" || declarations.get(`${owner}.${name}`)?.alias !== undefined;
  return isNamed ? `~${list ?? ""}${owner.slice(owner.lastIndexOf("/") + 1)}.${name}` : "";
}

const lines = new Map<string, string>();

/** The fields of a struct, and of all that it reaches. */
function emit(name: string): void {
  if (lines.has(name)) return;
  const declaration = declarations.get(name)!;
  if (declaration.struct === undefined) {
    lines.set(
      name,
      `=${[...new Set(enums.get(name)!)]
        .filter((value) => value !== "")
        .sort()
        .join("|")}`,
    );
    return;
  }
  lines.set(name, "");
  const fields: string[] = [];
  let markers: string[] = [];
  for (const line of declaration.struct.split("\n")) {
    const marker = /^\s*\/\/ ?\+(\S+)/.exec(line);
    if (marker) markers.push(marker[1]);
    else if (/^\s*\/\//.test(line) || line.trim() === "") continue;
    else {
      const field = fieldOf(line, declaration, markers);
      if (field !== undefined) fields.push(field);
      markers = [];
    }
  }
  const atomic = declaration.markers.includes("structType=atomic") ? "@atomic " : "";
  lines.set(name, atomic + fields.join(" "));
}

function fieldOf(line: string, declaration: Declaration, markers: string[]): string | undefined {
  const match = /^\s*(?:(\w+)\s+)?(\S+)\s+`(.*)`/.exec(line);
  if (match === null) return undefined;
  const [, , goType, tags] = match;
  const json = /json:"([^"]*)"/.exec(tags)?.[1] ?? "";
  const [jsonName, ...options] = json.split(",");
  if (jsonName === "-" || goType.endsWith("TypeMeta")) return undefined;
  const number = /protobuf:"\w+,(\d+)/.exec(tags)?.[1] ?? "0";
  const type = resolve(goType, declaration);
  reach(type);
  if (jsonName === "") return `*${number}:${type}`;
  const isRequired =
    markers.includes("required") ||
    !(options.includes("omitempty") || options.includes("omitzero") || markers.includes("optional"));
  const isPointer = goType.startsWith("*");
  // Go writes an empty struct in spite of `omitempty`.
  const isOmitted = options.includes("omitzero") || (options.includes("omitempty") && !isStruct(type));
  const unusual = isOmitted === isRequired ? (isOmitted ? "@omit" : "@zero") : "";
  // A pointer that must be given is null where it is absent, unless Go leaves it out.
  const pointerMark = isRequired && options.includes("omitempty") ? "@omit" : "";
  const mark = isPointer ? pointerMark : isStruct(type) && !isRequired && !isOmitted ? "" : unusual;
  return `${jsonName}${isRequired ? "!" : "?"}${number}:${type}${isPointer ? "^" : ""}${listOf(tags, markers)}${mark}${namedType(goType, declaration, type)}`;
}

/** How a list or map merges: `@map(a,b)`, `@set`, `@atomic`, `@merge(key)`, `@replace`, `@retain`. */
function listOf(tags: string, markers: string[]): string {
  const value = (name: string) =>
    markers.filter((marker) => marker.startsWith(`${name}=`)).map((marker) => marker.split("=")[1]);
  const listType = value("listType")[0];
  const keys = value("listMapKey");
  const strategy = /patchStrategy:"([^"]*)"/.exec(tags)?.[1] ?? "";
  const mergeKey = /patchMergeKey:"([^"]*)"/.exec(tags)?.[1];
  let text = "";
  if (listType === "map") text += `@map(${keys.join(",")})`;
  else if (listType === "set" || listType === "atomic") text += `@${listType}`;
  if (value("structType")[0] === "atomic" || value("mapType")[0] === "atomic") text += "@atomic";
  if (strategy.includes("merge")) text += `@merge(${mergeKey ?? ""})`;
  if (strategy.includes("replace")) text += "@replace";
  if (strategy.includes("retainKeys")) text += "@retain";
  return text;
}

function isStruct(type: string): boolean {
  return type === "time" || type === "microtime" || declarations.get(type)?.struct !== undefined;
}

function reach(type: string): void {
  const base = type.replace(/^(\[\]|\{\})+/, "");
  if (base.includes("/")) emit(base);
}

const folder = process.argv[2];
for (const name of Object.keys(PACKAGES)) readPackage(folder, name);
for (const root of ROOTS) emit(root);

const rows = [...lines]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, text]) => `  ${JSON.stringify(name)}: ${JSON.stringify(text)},`);
writeFileSync(
  join(ROOT, OUTPUT),
  [
    "// Written by tools/generate-kubernetes-schema.ts from the Go types of the Kubernetes API, version 1.35. Not for editing.",
    "// The notation is read by api-type.ts.",
    "export const BUILTIN_TYPES: Readonly<Record<string, string>> = {",
    ...rows,
    "};",
    "",
  ].join("\n"),
);
console.log(`${OUTPUT}: ${rows.length} types`);
