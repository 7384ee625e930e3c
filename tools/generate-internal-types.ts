/**
 * Reads the internal Go types of kube-apiserver and writes down their facts as data: the fields in their order, Go's
 * names of them, their types and which member of the served version each comes from. Messages about structs print these.
 *
 * `node tools/generate-internal-types.ts FOLDER` where FOLDER has checkouts of kubernetes/kubernetes and kubernetes/api at
 * one version.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./source-files.ts";

const OUTPUT = "src/kubernetes/api-server/kinds/internal-types.generated.ts";

/** Internal package → the served one that its fields are matched with. */
const PACKAGES: Record<string, string> = {
  core: "core/v1",
  batch: "batch/v1",
  storage: "storage/v1",
  networking: "networking/v1",
  certificates: "certificates/v1",
  discovery: "discovery/v1",
  autoscaling: "autoscaling/v2",
};

/** What messages print, and all that it reaches. */
const ROOTS =
  "core.PodTemplateSpec core.PersistentVolumeSpec core.PersistentVolumeClaimSpec core.VolumeNodeAffinity " +
  "core.ObjectReference core.ServicePort core.Taint batch.PodFailurePolicy batch.SuccessPolicy storage.VolumeAttachmentSpec " +
  "storage.CSINodeDriver storage.TokenRequest networking.ParentReference certificates.CertificateSigningRequestCondition " +
  "discovery.EndpointPort autoscaling.MetricSpec";

/** Fields that stand elsewhere in the served version: `../` is the struct around. */
const MOVED: Record<string, string> = {
  "core.PodSecurityContext.HostNetwork": "../hostNetwork",
  "core.PodSecurityContext.HostPID": "../hostPID",
  "core.PodSecurityContext.HostIPC": "../hostIPC",
  "core.PodSecurityContext.ShareProcessNamespace": "../shareProcessNamespace",
  "core.PodSecurityContext.HostUsers": "../hostUsers",
};

/** Types with an encoding of their own; those of `meta/v1` are written as they are served. */
const SPECIAL: Record<string, string> = {
  "resource.Quantity": "quantity",
  "intstr.IntOrString": "intorstring",
  "metav1.Time": "time",
  "metav1.MicroTime": "time",
  "metav1.ObjectMeta": "meta",
  "metav1.LabelSelector": "any",
  "runtime.RawExtension": "any",
  "runtime.Object": "any",
  "types.UID": "string",
  "types.NodeName": "string",
};
const SCALARS: Record<string, string> = {
  string: "string",
  bool: "bool",
  int: "number",
  int32: "number",
  int64: "number",
  float64: "number",
};

type Declarations = Map<string, { isStruct: boolean; text: string }>;

function declarationsOf(file: string): Declarations {
  const found: Declarations = new Map();
  const text = readFileSync(file, "utf8");
  for (const [, type, right, body] of text.matchAll(
    /^type (\w+) (struct \{\n([\s\S]*?)^\}|struct ?\{\}|[^\n{]+)$/gm,
  ))
    found.set(type, { isStruct: right.startsWith("struct"), text: body ?? right.replace(/^= /, "").trim() });
  return found;
}

interface GoField {
  /** "" for an embedded struct. */
  name: string;
  type: string;
  json?: string;
}

function fieldsOf(text: string): GoField[] {
  const fields: GoField[] = [];
  for (const line of text.split("\n")) {
    const bare = line.replace(/\/\/.*$/, "").trim();
    if (bare === "") continue;
    const match = /^(?:(\w+)\s+)?(\S+)(?:\s+`(.*)`)?$/.exec(bare);
    if (match === null) throw new Error(`cannot read field: ${line}`);
    const [, name = "", type, tags = ""] = match;
    fields.push({ name, type, json: /json:"([^",]*)/.exec(tags)?.[1] });
  }
  return fields;
}

const folder = process.argv[2];
const internal = new Map<string, Declarations>();
const served = new Map<string, Declarations>();
for (const [name, version] of Object.entries(PACKAGES)) {
  internal.set(name, declarationsOf(join(folder, "kubernetes/pkg/apis", name, "types.go")));
  served.set(name, declarationsOf(join(folder, "api", version, "types.go")));
}

function resolve(type: string, from: string): string {
  if (type.startsWith("*")) return `*${resolve(type.slice(1), from)}`;
  if (type === "[]byte") return "bytes";
  if (type.startsWith("[]")) return `[]${resolve(type.slice(2), from)}`;
  const map = /^map\[[\w.]+\](.+)$/.exec(type);
  if (map) return `{}${resolve(map[1], from)}`;
  if (SCALARS[type] ?? SPECIAL[type]) return SCALARS[type] ?? SPECIAL[type];
  const [owner, bare] = type.includes(".") ? type.split(".") : [from, type];
  const declaration = internal.get(owner === "api" ? "core" : owner)?.get(bare);
  if (declaration === undefined) throw new Error(`unknown type ${type} in ${from}`);
  return declaration.isStruct
    ? `${owner === "api" ? "core" : owner}.${bare}`
    : resolve(declaration.text, owner);
}

const lines = new Map<string, string>();

function emit(name: string): void {
  if (lines.has(name)) return;
  lines.set(name, "");
  const [owner, bare] = name.split(".");
  const counterpart = fieldsOf(served.get(owner)!.get(bare)?.text ?? "");
  const fields = fieldsOf(internal.get(owner)!.get(bare)!.text).map(({ name: goName, type }) => {
    const resolved = resolve(type, owner);
    const base = resolved.replace(/^(\*|\[\]|\{\})+/, "");
    if (base.includes(".")) emit(base);
    if (goName === "") return `+${resolved}`;
    const json = MOVED[`${name}.${goName}`] ?? counterpart.find((each) => each.name === goName)?.json;
    if (json === undefined) console.error(`not in the served version: ${name}.${goName}`);
    return `${goName}=${json ?? ""}:${resolved}`;
  });
  lines.set(name, fields.join(" "));
}

for (const root of ROOTS.split(" ")) emit(root);

const rows = [...lines]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, text]) => `  ${JSON.stringify(name)}: ${JSON.stringify(text)},`);
writeFileSync(
  join(ROOT, OUTPUT),
  [
    "// Written by tools/generate-internal-types.ts from the internal Go types of kube-apiserver 1.35. Not for editing.",
    "// The notation is read by go-struct.ts.",
    "export const INTERNAL_TYPES: Readonly<Record<string, string>> = {",
    ...rows,
    "};",
    "",
  ].join("\n"),
);
console.log(`${OUTPUT}: ${rows.length} types`);
