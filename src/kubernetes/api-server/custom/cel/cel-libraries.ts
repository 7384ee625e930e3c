/** The libraries that Kubernetes adds for addresses, URLs, formats, versions and sets (`apiserver/pkg/cel/library`). */
import {
  dns1035LabelProblem,
  dnsLabelProblem,
  dnsSubdomainProblem,
  labelValueProblem,
  qualifiedNameProblem,
} from "../../../../model/label-selector.ts";
import { addressFamily } from "../../kinds/address-family.ts";
import { type AddressBits, addressBits, addressText } from "../../kinds/ip-address.ts";
import { CelError, CelObject, CelOptional, type CelValue, celEqual, noOverload } from "./cel-value.ts";

type Function = (...values: CelValue[]) => CelValue;

/** Words before a dot that are no variables: `sets.contains(…)`. */
export const CEL_NAMESPACES: ReadonlySet<string> = new Set([
  "optional",
  "ip",
  "cidr",
  "format",
  "sets",
  "base64",
  "strings",
  "math",
]);

function text(value: CelValue): string {
  if (typeof value !== "string") throw noOverload();
  return value;
}

function list(value: CelValue): CelValue[] {
  if (!Array.isArray(value)) throw noOverload();
  return value;
}

function succeeds(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

/** The bits of an address, and how many there are. */
function bitsOf(address: string): AddressBits {
  if (addressFamily(address) === 0)
    throw new CelError(`IP Address ${JSON.stringify(address)} parse error: unable to parse IP`);
  return addressBits(address);
}

function within(bits: bigint, size: number, range: string): boolean {
  const [address, prefix] = range.split("/");
  const block = bitsOf(address);
  const shift = BigInt(block.size) - BigInt(prefix);
  return block.size === size && bits >> shift === block.bits >> shift;
}

function addressOf(value: CelValue): CelObject {
  const given = text(value);
  const { bits, size } = bitsOf(given);
  const is = (...ranges: string[]) => ranges.some((range) => within(bits, size, range));
  const isLocal = is("127.0.0.0/8", "::1/128");
  const isUnspecified = bits === 0n;
  return new CelObject("net.IP", addressText({ bits, size }), {
    family: () => (size === 32 ? 4n : 6n),
    isUnspecified: () => isUnspecified,
    isLoopback: () => isLocal,
    isLinkLocalMulticast: () => is("224.0.0.0/24", "ff02::/16"),
    isLinkLocalUnicast: () => is("169.254.0.0/16", "fe80::/10"),
    isGlobalUnicast: () =>
      !isUnspecified &&
      !isLocal &&
      !is("255.255.255.255/32", "224.0.0.0/4", "ff00::/8", "169.254.0.0/16", "fe80::/10"),
  });
}

function rangeOf(value: CelValue): CelObject {
  const given = text(value);
  const [, address = "", prefix] = /^([^/]+)\/(\d{1,3})$/.exec(given) ?? [];
  const family = addressFamily(address);
  if (family === 0 || Number(prefix) > (family === 4 ? 32 : 128))
    throw new CelError(`network address parse error during conversion from string: ${given}`);
  const { bits, size } = bitsOf(address);
  const shift = BigInt(size - Number(prefix));
  const masked = addressText({ bits: (bits >> shift) << shift, size });
  const key = `${addressText({ bits, size })}/${prefix}`;
  const contains = (other: string, bitsLong: number = size) => within(bitsOf(other).bits, bitsLong, given);
  return new CelObject("net.CIDR", key, {
    ip: () => addressOf(addressText({ bits, size })),
    masked: () => rangeOf(`${masked}/${prefix}`),
    prefixLength: () => BigInt(prefix),
    containsIP(_self, other) {
      const wanted = other instanceof CelObject ? other.key : text(other);
      return bitsOf(wanted).size === size && contains(wanted);
    },
    containsCIDR(_self, other) {
      const [inner, length] = (other instanceof CelObject ? other.key : rangeOf(other).key).split("/");
      return bitsOf(inner).size === size && Number(length) >= Number(prefix) && contains(inner);
    },
  });
}

function urlOf(value: CelValue): CelObject {
  const given = text(value);
  const match = /^(?:([A-Za-z][\w+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?$/.exec(given);
  const isRequestTarget = given.startsWith("/") || /^[A-Za-z][\w+.-]*:\/\//.test(given);
  if (match === null || !isRequestTarget || /[\s<>"]/.test(given))
    throw new CelError(
      `URL parse error during conversion from string: parse ${JSON.stringify(given)}: invalid URI for request`,
    );
  const [, scheme = "", authority = "", path = "", query = ""] = match;
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const [, name = host, port = ""] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(host) ?? [];
  return new CelObject("kubernetes.URL", given, {
    getScheme: () => scheme.toLowerCase(),
    getHost: () => host,
    getHostname: () => name.replace(/^\[|\]$/g, ""),
    getPort: () => port,
    getEscapedPath: () => path,
    getQuery() {
      const values = new Map<CelValue, CelValue>();
      for (const [key, each] of new URLSearchParams(query))
        values.set(key, [...((values.get(key) as string[] | undefined) ?? []), each]);
      return values;
    },
  });
}

const SEMVER = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$/;

/** @param normalize takes `v1.01` for `1.1.0` */
function semverOf(value: CelValue, normalize: CelValue = false): CelObject {
  let given = text(value);
  if (normalize === true) {
    const [core, ...suffix] = given.replace(/^v/, "").split(/(?=[-+])/);
    const numbers = core.split(".").map((part) => part.replace(/^0+(?=\d)/, ""));
    while (numbers.length < 3) numbers.push("0");
    given = numbers.join(".") + suffix.join("");
  }
  const match = SEMVER.exec(given);
  if (match === null) throw new CelError(`Invalid character(s) found in version ${JSON.stringify(given)}`);
  const numbers = match.slice(1, 4).map(BigInt);
  const ordered = (_self: CelValue, other: CelValue) => compareVersions(given, other);
  return new CelObject("kubernetes.Semver", given, {
    major: () => numbers[0],
    minor: () => numbers[1],
    patch: () => numbers[2],
    isLessThan: (self, other) => ordered(self, other) < 0,
    isGreaterThan: (self, other) => ordered(self, other) > 0,
    compareTo: (self, other) => BigInt(ordered(self, other)),
  });
}

function compareVersions(a: string, other: CelValue): number {
  if (!(other instanceof CelObject) || other.type !== "kubernetes.Semver") throw noOverload();
  const [left, right] = [a, other.key].map((version) => SEMVER.exec(version)!);
  for (const index of [1, 2, 3]) {
    const difference = Number(left[index]) - Number(right[index]);
    if (difference !== 0) return Math.sign(difference);
  }
  if (left[4] === right[4]) return 0;
  if (left[4] === undefined || right[4] === undefined) return left[4] === undefined ? 1 : -1;
  return comparePreReleases(left[4].split("."), right[4].split("."));
}

/** Numbers before words, in their order; what is longer is later. */
function comparePreReleases(a: string[], b: string[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const [left, right] = [a[index], b[index]];
    if (left === right) continue;
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    const [isLeft, isRight] = [left, right].map((part) => /^\d+$/.test(part));
    if (isLeft && isRight) return Math.sign(Number(left) - Number(right));
    if (isLeft !== isRight) return isLeft ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return 0;
}

const FORMATS: Record<string, (given: string) => string | undefined> = {
  dns1123Label: dnsLabelProblem,
  dns1123Subdomain: dnsSubdomainProblem,
  dns1035Label: dns1035LabelProblem,
  dns1123LabelPrefix: (given) => dnsLabelProblem(given.replace(/-$/, "") || given),
  dns1123SubdomainPrefix: (given) => dnsSubdomainProblem(given.replace(/-$/, "") || given),
  dns1035LabelPrefix: (given) => dns1035LabelProblem(given.replace(/-$/, "") || given),
  qualifiedName: qualifiedNameProblem,
  labelValue: labelValueProblem,
  uri: (given) =>
    succeeds(() => new URL(given)) ? undefined : `parse ${JSON.stringify(given)}: invalid URI`,
  uuid: (given) =>
    /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(given)
      ? undefined
      : "does not match the UUID format",
  byte: (given) =>
    /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(given)
      ? undefined
      : "invalid base64",
  date: (given) =>
    /^\d{4}-\d\d-\d\d$/.test(given) && !Number.isNaN(Date.parse(given)) ? undefined : "invalid date",
  datetime: (given) =>
    /^\d{4}-\d\d-\d\d[Tt]/.test(given) && !Number.isNaN(Date.parse(given)) ? undefined : "invalid datetime",
};

function formatOf(name: string): CelObject {
  return new CelObject("kubernetes.NamedFormat", name, {
    validate(_self, given) {
      const problem = FORMATS[name](text(given));
      return problem === undefined ? new CelOptional() : new CelOptional([problem]);
    },
  });
}

const holds = (all: CelValue[], wanted: CelValue[]) =>
  wanted.every((item) => all.some((each) => celEqual(each, item)));

/** Called by their whole names: `ip('10.0.0.1')`, `sets.contains([1], [])`. */
export const CEL_LIBRARY_FUNCTIONS: Readonly<Record<string, Function>> = {
  ip: addressOf,
  isIP: (value) => addressFamily(text(value)) !== 0,
  "ip.isCanonical"(value) {
    const { bits, size } = bitsOf(text(value));
    return addressText({ bits, size }) === value;
  },
  cidr: rangeOf,
  isCIDR: (value) => succeeds(() => rangeOf(text(value))),
  url: urlOf,
  isURL: (value) => succeeds(() => urlOf(text(value))),
  semver: semverOf,
  isSemver: (value, normalize) => succeeds(() => semverOf(text(value), normalize)),
  "format.named"(name) {
    return Object.hasOwn(FORMATS, text(name)) ? new CelOptional(formatOf(text(name))) : new CelOptional();
  },
  ...Object.fromEntries(Object.keys(FORMATS).map((name) => [`format.${name}`, () => formatOf(name)])),
  "sets.contains": (all, wanted) => holds(list(all), list(wanted)),
  "sets.equivalent": (a, b) => holds(list(a), list(b)) && holds(list(b), list(a)),
  "sets.intersects": (a, b) => list(a).some((item) => holds(list(b), [item])),
  "base64.encode": (value) => Buffer.from(value as Uint8Array).toString("base64"),
  "base64.decode": (value) => new Uint8Array(Buffer.from(text(value), "base64")),
  "strings.quote": (value) => JSON.stringify(text(value)),
};
