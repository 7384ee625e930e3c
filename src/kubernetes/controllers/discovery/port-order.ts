/**
 * The order in which ports stand in EndpointSlices and Endpoints: upstream sorts them by a hash of what Go prints
 * (`portsInOrder`, `portsByHash`), FNV-1a of 128 bits.
 */
import type { EndpointPort } from "../../types.ts";

const OFFSET = 0x6c62272e07bb014262b821756295c58dn;
const PRIME = 0x0000000001000000000000000000013bn;
const MASK = (1n << 128n) - 1n;

function hash(text: string): bigint {
  let sum = OFFSET;
  for (const byte of new TextEncoder().encode(text)) sum = ((sum ^ BigInt(byte)) * PRIME) & MASK;
  return sum;
}

const pointer = (text: string | undefined): string => `(*string)${text ?? "<nil>"}`;

/** As `discovery.k8s.io` has it, whose fields may be absent. */
const printSlicePort = ({ name, protocol, port, appProtocol }: EndpointPort): string =>
  `(v1.EndpointPort){Name:${pointer(name)} Protocol:(*v1.Protocol)${protocol} Port:(*int32)${port} AppProtocol:${pointer(appProtocol)}}`;

const printCorePort = ({ name = "", protocol, port, appProtocol }: EndpointPort): string =>
  `(v1.EndpointPort){Name:(string)${name} Port:(int32)${port} Protocol:(v1.Protocol)${protocol} AppProtocol:${pointer(appProtocol)}}`;

function sorted(ports: readonly EndpointPort[], print: (port: EndpointPort) => string): EndpointPort[] {
  if (ports.length < 2) return [...ports];
  const hashed = ports.map((port) => ({ port, key: hash(print(port)) }));
  return hashed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ port }) => port);
}

export const sortSlicePorts = (ports: readonly EndpointPort[]): EndpointPort[] =>
  sorted(ports, printSlicePort);
export const sortCorePorts = (ports: readonly EndpointPort[]): EndpointPort[] => sorted(ports, printCorePort);
