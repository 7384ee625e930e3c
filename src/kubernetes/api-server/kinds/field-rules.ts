/** Rules that many kinds share: names, numbers, percentages, selectors, paths (`apimachinery/pkg/util/validation`). */

import type { StatusCause } from "../../../model/kubernetes-status.ts";
import {
  dnsLabelProblems,
  dnsSubdomainProblem,
  dnsSubdomainProblems,
  type LabelSelector,
  labelValueProblems,
  qualifiedNameProblems,
} from "../../../model/label-selector.ts";
import { forbiddenField, invalidValue, notSupported, required } from "../field-error.ts";
import { addressText, legacyAddress, legacyRange } from "./ip-address.ts";

type Problem = (text: string) => string | readonly string[] | undefined;

/** A cause for each problem. */
export function checkText(field: string, text: unknown, problem: Problem): StatusCause[] {
  const found = problem(String(text ?? "")) ?? [];
  return [found].flat().map((each) => invalidValue(field, text ?? "", each));
}

export const checkLabel = (field: string, text: unknown) => checkText(field, text, dnsLabelProblems);
export const checkSubdomain = (field: string, text: unknown) => checkText(field, text, dnsSubdomainProblems);
export const checkQualifiedName = (field: string, text: unknown) =>
  checkText(field, text, qualifiedNameProblems);

export function checkOneOf(field: string, value: unknown, supported: readonly string[]): StatusCause[] {
  return supported.includes(value as string) ? [] : [notSupported(field, value ?? "", supported)];
}

/** As `checkOneOf`, where the field is given. */
export function checkOptional(field: string, value: unknown, supported: readonly string[]): StatusCause[] {
  return value === undefined ? [] : checkOneOf(field, value, supported);
}

/** Inclusive. */
export function checkRange(field: string, value: number, low: number, high: number): StatusCause[] {
  if (Number.isInteger(value) && value >= low && value <= high) return [];
  return [invalidValue(field, value, `must be between ${low} and ${high}, inclusive`)];
}

export function checkPort(field: string, value: unknown): StatusCause[] {
  if (typeof value === "string") {
    return portNameProblems(value).map((problem) => invalidValue(field, value, problem));
  }
  return checkRange(field, (value ?? 0) as number, 1, 65_535);
}

export function portNameProblems(name: string): string[] {
  const problems: string[] = [];
  if (name.length > 15) problems.push("must be no more than 15 characters");
  if (!/^[-a-z0-9]+$/.test(name))
    problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(name)) problems.push("must contain at least one letter (a-z)");
  if (name.includes("--")) problems.push("must not contain consecutive hyphens");
  if (/^-|-$/.test(name)) problems.push("must not begin or end with a hyphen");
  return problems;
}

const PERCENT_PROBLEM =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for " +
  "validation is '[0-9]+%')";

/** A number that is not negative, or a percentage. */
export function checkCountOrPercent(field: string, value: unknown): StatusCause[] {
  if (typeof value === "string")
    return /^[0-9]+%$/.test(value) ? [] : [invalidValue(field, value, PERCENT_PROBLEM)];
  return typeof value === "number" && value < 0
    ? [invalidValue(field, value, "must be greater than or equal to 0")]
    : [];
}

export function checkPercentLimit(field: string, value: unknown): StatusCause[] {
  const percent = typeof value === "string" ? /^([0-9]+)%$/.exec(value) : null;
  if (percent === null || Number(percent[1]) <= 100) return [];
  return [invalidValue(field, value, "must not be greater than 100%")];
}

export function checkLabels(field: string, labels: Record<string, string> | undefined): StatusCause[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...checkQualifiedName(field, key),
    ...checkText(field, value, labelValueProblems),
  ]);
}

export function checkAnnotations(
  field: string,
  annotations: Record<string, string> | undefined,
): StatusCause[] {
  return Object.keys(annotations ?? {}).flatMap((key) =>
    checkText(field, key, (text) => qualifiedNameProblems(text.toLowerCase())),
  );
}

/** `matchLabels` and `matchExpressions`. */
export function checkSelector(field: string, selector: LabelSelector | undefined): StatusCause[] {
  const causes = checkLabels(`${field}.matchLabels`, selector?.matchLabels);
  for (const [index, { key, operator, values = [] }] of (selector?.matchExpressions ?? []).entries()) {
    const at = `${field}.matchExpressions[${index}]`;
    causes.push(...checkOperator(at, operator, values));
    causes.push(...checkQualifiedName(`${at}.key`, key));
    for (const [position, value] of values.entries()) {
      causes.push(...checkText(`${at}.values[${position}]`, value, labelValueProblems));
    }
  }
  return causes;
}

/** A selector as Go prints it: labels in order, the members of expressions as its type has them. */
export function goSelector({ matchLabels, matchExpressions }: LabelSelector) {
  const labels = Object.entries(matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...(labels.length > 0 && { matchLabels: Object.fromEntries(labels) }),
    ...(matchExpressions !== undefined && {
      matchExpressions: matchExpressions.map(({ key = "", operator = "", values }) => ({
        key,
        operator,
        ...(values && { values }),
      })),
    }),
  };
}

/** @param others operators besides those of label selectors, which take one value */
export function checkOperator(
  at: string,
  operator: string,
  values: readonly string[],
  others: readonly string[] = [],
): StatusCause[] {
  switch (operator) {
    case "In":
    case "NotIn":
      return values.length > 0
        ? []
        : [required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
    case "Exists":
    case "DoesNotExist":
      return values.length === 0
        ? []
        : [
            forbiddenField(
              `${at}.values`,
              "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            ),
          ];
    default:
      if (!others.includes(operator))
        return [invalidValue(`${at}.operator`, operator ?? "", "not a valid selector operator")];
      return values.length === 1
        ? []
        : [required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
  }
}

/** An address, in a form that was taken before readers were strict, too. */
export function checkAddress(field: string, address: unknown): StatusCause[] {
  if (legacyAddress(String(address ?? "")) !== undefined) return [];
  return [
    invalidValue(field, address ?? "", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
  ];
}

/** `10.9.8.0/24`: an address and how many of its bits count. */
export function checkAddressRange(field: string, range: unknown): StatusCause[] {
  if (legacyRange(String(range ?? "")) !== undefined) return [];
  return [
    invalidValue(field, range ?? "", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
  ];
}

/** Why an address is not written as it has to be in new fields, or undefined. */
export function strictAddressProblem(text: string): string | undefined {
  const address = legacyAddress(text);
  if (address === undefined) return "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
  if (!address.isStandard)
    return text.includes(":") ? "must not be an IPv4-mapped IPv6 address" : "must not have leading 0s";
  const canonical = addressText(address);
  return canonical === text ? undefined : `must be in canonical form (${JSON.stringify(canonical)})`;
}

export function checkStrictRange(field: string, text: string): StatusCause[] {
  const range = legacyRange(text);
  if (range === undefined) return checkAddressRange(field, text);
  const problem = !range.isStandard
    ? text.includes(":")
      ? "must not have an IPv4-mapped IPv6 address"
      : "must not have leading 0s in IP or prefix length"
    : !range.isExact
      ? "must not have bits set beyond the prefix length"
      : range.text === text
        ? undefined
        : `must be in canonical form (${JSON.stringify(range.text)})`;
  return problem === undefined ? [] : [invalidValue(field, text, problem)];
}

/** A path within a volume: relative, and not out of it. */
export function checkInnerPath(field: string, path: string): StatusCause[] {
  if (path.startsWith("/")) return [invalidValue(field, path, "must be a relative path")];
  return checkNoBackStep(field, path);
}

export function checkNoBackStep(field: string, path: string): StatusCause[] {
  return path.split("/").includes("..") ? [invalidValue(field, path, "must not contain '..'")] : [];
}

const CONFIG_KEY_PROBLEM =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or " +
  "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/** Why a text can't name a value of a ConfigMap or Secret, or undefined. */
export function configKeyProblem(key: string): string | undefined {
  if (key.length > 253) return "must be no more than 253 characters";
  if (!/^[-._a-zA-Z0-9]+$/.test(key)) return CONFIG_KEY_PROBLEM;
  if (key === "." || key === "..") return `must not be '${key}'`;
  return key.startsWith("..") ? "must not start with '..'" : undefined;
}

/** Why a text is no part of an API path, or undefined. */
export function pathSegmentProblem(name: string): string | undefined {
  if (name === "." || name === "..") return `may not be '${name}'`;
  const bad = /[/%]/.exec(name)?.[0];
  return bad === undefined ? undefined : `may not contain '${bad}'`;
}

/** Why a text is no domain to search in, or undefined: a subdomain that may have underscores. */
export function searchPathProblem(name: string): string | undefined {
  if (name.length > 253) return "must be no more than 253 characters";
  if (/^_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$/.test(name)) return undefined;
  return (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must " +
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
    "'_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')"
  );
}

/** `acme.io/foo` */
export function domainPathProblem(text: string): string | undefined {
  const [domain, ...path] = text.split("/");
  if (path.length > 0 && path.join("/") !== "" && dnsSubdomainProblem(domain) === undefined) return undefined;
  return 'must be a domain-prefixed path (such as "acme.io/foo")';
}
