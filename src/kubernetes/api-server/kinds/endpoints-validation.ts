/** Checks of Endpoints and EndpointSlices (`pkg/apis/core/validation`, `pkg/apis/discovery/validation`). */
import type { KubernetesObject } from "../../../model/kubernetes-object.ts";
import type { StatusCause } from "../../../model/kubernetes-status.ts";
import { dnsLabelProblems, labelValueProblems } from "../../../model/label-selector.ts";
import { duplicate, invalidValue, required, tooMany } from "../field-error.ts";
import {
  checkAddress,
  checkLabel,
  checkLabels,
  checkOneOf,
  checkPort,
  checkQualifiedName,
  checkSubdomain,
  checkText,
} from "./field-rules.ts";
import { legacyAddress } from "./ip-address.ts";
import { specialAddressProblems } from "./special-address.ts";

// biome-ignore lint/suspicious/noExplicitAny: normalized by type, members may still be missing
type Anything = any;

const PROTOCOLS = ["SCTP", "TCP", "UDP"];
const ADDRESS_TYPES = ["FQDN", "IPv4", "IPv6"];

export function validateEndpointSlice(object: KubernetesObject, previous?: KubernetesObject): StatusCause[] {
  const { addressType, endpoints = [], ports = [] } = object as Anything;
  const causes = addressType
    ? checkOneOf("addressType", addressType, ADDRESS_TYPES)
    : [required("addressType")];
  if (previous !== undefined && addressType !== (previous as Anything).addressType)
    causes.push(invalidValue("addressType", addressType, "field is immutable"));
  const names = new Set<string>();
  for (const [index, { name = "", protocol, appProtocol }] of ports.entries()) {
    const at = `ports[${index}]`;
    if (name !== "") causes.push(...checkText(`${at}.name`, name, dnsLabelProblems));
    if (names.has(name)) causes.push(duplicate(`${at}.name`, name));
    names.add(name);
    causes.push(...checkOneOf(`${at}.protocol`, protocol, PROTOCOLS));
    if (appProtocol !== undefined) causes.push(...checkQualifiedName(`${at}.appProtocol`, appProtocol));
  }
  for (const [index, endpoint] of endpoints.entries()) {
    const { addresses = [], nodeName, hostname, hints } = endpoint;
    const at = `endpoints[${index}].addresses`;
    if (addresses.length === 0) causes.push(required(at, "must contain at least 1 address"));
    for (const [position, address] of addresses.entries())
      causes.push(...validateEndpointAddress(address, addressType, `${at}[${position}]`));
    if (nodeName !== undefined) causes.push(...checkSubdomain(`endpoints[${index}].nodeName`, nodeName));
    causes.push(...checkLabels(`endpoints[${index}].deprecatedTopology`, endpoint.deprecatedTopology));
    if (hostname !== undefined) causes.push(...checkLabel(`endpoints[${index}].hostname`, hostname));
    if (hints !== undefined) causes.push(...validateHints(hints, `endpoints[${index}].hints`));
  }
  return causes;
}

/** As many zones or nodes can be hinted at. */
const MAX_HINTS = 8;

function validateHints({ forZones = [], forNodes = [] }: Anything, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [list, hints] of Object.entries({ forZones, forNodes })) {
    const at = `${path}.${list}`;
    if (hints.length > MAX_HINTS) return [...causes, tooMany(at, hints.length, MAX_HINTS)];
    const names = hints.map(({ name }: Anything) => name ?? "");
    for (const [index, name] of names.entries()) {
      const field = `${at}[${index}].name`;
      if (names.indexOf(name) < index) causes.push(duplicate(field, name));
      causes.push(
        ...(list === "forZones" ? checkText(field, name, labelValueProblems) : checkSubdomain(field, name)),
      );
    }
  }
  return causes;
}

function validateEndpointAddress(address: string, type: string, field: string): StatusCause[] {
  if (type === "FQDN") return checkSubdomain(field, address);
  const family = type === "IPv4" ? 4 : 6;
  const size = legacyAddress(address)?.size;
  if (!ADDRESS_TYPES.includes(type) || size === (family === 4 ? 32 : 128)) return [];
  if (size === undefined) return checkAddress(field, address);
  return [invalidValue(field, address, `must be an ${type} address`)];
}

export function validateEndpoints(object: KubernetesObject): StatusCause[] {
  return ((object as Anything).subsets ?? []).flatMap((subset: Anything, index: number) => {
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
    const at = `subsets[${index}]`;
    const causes =
      addresses.length + notReadyAddresses.length === 0
        ? [required(at, "must specify `addresses` or `notReadyAddresses`")]
        : [];
    for (const [list, entries] of Object.entries<Anything[]>({ addresses, notReadyAddresses }))
      for (const [position, entry] of entries.entries())
        causes.push(...validateSubsetAddress(entry, `${at}.${list}[${position}]`));
    for (const [position, { name, port, protocol, appProtocol }] of ports.entries()) {
      const field = `${at}.ports[${position}]`;
      if (!name && ports.length > 1) causes.push(required(`${field}.name`));
      else if (name) causes.push(...checkLabel(`${field}.name`, name));
      causes.push(...checkPort(`${field}.port`, port));
      causes.push(
        ...(protocol
          ? checkOneOf(`${field}.protocol`, protocol, PROTOCOLS)
          : [required(`${field}.protocol`)]),
      );
      if (appProtocol !== undefined) causes.push(...checkQualifiedName(`${field}.appProtocol`, appProtocol));
    }
    return causes;
  });
}

/** Addresses of the loopback range, which upstream refuses, are those of pods here. */
function validateSubsetAddress({ ip = "", hostname, nodeName }: Anything, path: string): StatusCause[] {
  const causes = checkAddress(`${path}.ip`, ip);
  const isWrong = causes.length > 0;
  if (hostname) causes.push(...checkLabel(`${path}.hostname`, hostname));
  if (nodeName !== undefined) causes.push(...checkSubdomain(`${path}.nodeName`, nodeName));
  if (isWrong) causes.push(invalidValue(`${path}.ip`, ip, "must be a valid IP address"));
  else causes.push(...specialAddressProblems(`${path}.ip`, ip, true));
  return causes;
}
