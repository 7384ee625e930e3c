/**
 * Values as Go prints them for hashes: `dump.ForHash` of `k8s.io/apimachinery/pkg/util/dump`, which is spew's `%#v` with
 * sorted keys, without addresses and methods. The value is what JSON gives, the types are from `pod-template-types.ts`.
 */
import { POD_TEMPLATE_TYPES } from "../pod-template-types.ts";

interface Field {
  goName: string;
  /** Undefined where the fields stand in the object around it. */
  jsonName: string | undefined;
  type: string;
}

const STRUCTS = new Map<string, Field[]>(
  Array.from(POD_TEMPLATE_TYPES.matchAll(/(\w+) \{([^}]*)\}/g), ([, name, fields]) => [
    name,
    fields.trim().split(/\s+/).map(parseField),
  ]),
);

function parseField(text: string): Field {
  const [, goName, jsonName, type] = /^(\w+)(?:=(\w+|\.))?:(.*)$/.exec(text)!;
  const name = jsonName === "." ? undefined : (jsonName ?? goName[0].toLowerCase() + goName.slice(1));
  return { goName, jsonName: name, type };
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const ABSENT = "<nil>";

/** @param type name of a struct: `PodTemplateSpec` */
export function dumpGoStruct(type: string, value: unknown): string {
  return dumpField(type, value as Json);
}

/** Of the type as Go names it: `[]v1.Container`. */
function fullName(type: string): string {
  return type.replace(/^((?:\[\]|\*|map\[string\])*)([A-Z]\w*)$/, "$1v1.$2");
}

/** With its type in front, as fields have it. */
function dumpField(type: string, value: Json | undefined): string {
  if (type.startsWith("*")) {
    const isNil = value === undefined || value === null;
    return `(${fullName(type)})${isNil ? ABSENT : dumpBare(type.slice(1), value)}`;
  }
  return `(${fullName(type)})${dumpBare(type, value)}`;
}

/** Without its type, as elements of lists and maps have it. */
function dumpBare(type: string, value: Json | undefined): string {
  if (type.startsWith("*"))
    return value === undefined || value === null ? ABSENT : `<*>${dumpBare(type.slice(1), value)}`;
  if (type.startsWith("[]")) return dumpList(type.slice(2), value);
  if (type === "ResourceList") return dumpMap("resource.Quantity", value);
  if (type.startsWith("map[string]")) return dumpMap(type.slice("map[string]".length), value);
  if (type === "resource.Quantity") return dumpQuantity(String(value ?? ""));
  if (type === "intstr.IntOrString") return dumpIntOrString(value);
  if (type === "Time") return "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}";
  if (STRUCTS.has(type)) return dumpStruct(type, value);
  if (type === "bool") return String(value ?? false);
  return /^u?int\d*$/.test(type) ? String(value ?? 0) : String(value ?? "");
}

function dumpList(type: string, value: Json | undefined): string {
  if (!Array.isArray(value) || value.length === 0) return ABSENT;
  return `[${value.map((item) => dumpBare(type, item)).join(" ")}]`;
}

function dumpMap(type: string, value: Json | undefined): string {
  const entries = Object.entries((value ?? {}) as Record<string, Json>);
  if (entries.length === 0) return ABSENT;
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${sorted.map(([key, item]) => `${key}:${dumpBare(type, item)}`).join(" ")}]`;
}

function dumpStruct(type: string, value: Json | undefined): string {
  const object = (value ?? {}) as Record<string, Json>;
  const fields = STRUCTS.get(type)!.map(
    ({ goName, jsonName, type: its }) =>
      `${goName}:${dumpField(its, jsonName === undefined ? object : object[jsonName])}`,
  );
  return `{${fields.join(" ")}}`;
}

function dumpIntOrString(value: Json | undefined): string {
  const isText = typeof value === "string";
  return `{Type:(intstr.Type)${isText ? 1 : 0} IntVal:(int32)${isText ? 0 : Number(value ?? 0)} StrVal:(string)${isText ? value : ""}}`;
}

const BINARY = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: Record<string, number> = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

/** A canonical quantity as `ParseQuantity` leaves it. */
function dumpQuantity(text: string): string {
  const [, sign, digits, suffix] = /^([+-]?)(\d+)(.*)$/.exec(text) ?? ["", "", "0", ""];
  const negative = sign === "-";
  const power = BINARY.indexOf(suffix) + 1;
  const exponent = /^[eE]([+-]?\d+)$/.exec(suffix);
  const scale = power > 0 ? 0 : exponent === null ? (DECIMAL[suffix] ?? 0) : Number(exponent[1]);
  const format = power > 0 ? "BinarySI" : exponent === null ? "DecimalSI" : "DecimalExponent";
  const amount = BigInt(digits) << BigInt(10 * power);
  const isLarge = power > 0 ? 14 - digits.length - 3 * power < 0 : digits.length > 18;
  // Upstream keeps a text that is sure to be canonical, so that it need not be made again.
  const isKept =
    text === "0" ||
    (power > 0
      ? (BigInt(digits) & 7n) !== 0n
      : scale % 3 === 0 && !digits.endsWith("000") && !digits.startsWith("0"));
  const small = isLarge ? 0n : negative ? -amount : amount;
  return (
    `{i:(resource.int64Amount){value:(int64)${small} scale:(resource.Scale)${isLarge ? 0 : scale}} ` +
    `d:(resource.infDecAmount){Dec:(*inf.Dec)${isLarge ? dumpDecimal(amount, scale, negative) : ABSENT}} ` +
    `s:(string)${isKept && !isLarge ? text : ""} Format:(resource.Format)${format}}`
  );
}

/** What does not fit into 64 bits is counted in billionths, as an `inf.Dec` over a `big.Int`. */
function dumpDecimal(amount: bigint, scale: number, negative: boolean): string {
  const words: bigint[] = [];
  for (let rest = amount * 10n ** BigInt(9 + scale); rest > 0n; rest >>= 64n)
    words.push(rest & (2n ** 64n - 1n));
  return `{unscaled:(big.Int){neg:(bool)${negative} abs:(big.nat)[${words.join(" ")}]} scale:(inf.Scale)9}`;
}
