/**
 * Which loopback address is whose. A cluster has one range of 65,536, `127.<n>`:
 *
 *     127.n.0.1          the API's Service (`default/kubernetes`)
 *     127.n.0.10         cluster DNS
 *     127.n.0.0/20       Services
 *     127.n.64.0/20 …    pods: one range of 4,096 for each node
 *     127.n.255.1 …      nodes
 */

export interface AddressPlan {
  prefix: string;
  apiService: string;
  dns: string;
  /** Where Services' addresses are from: `127.20.0.0/20`. */
  serviceRange: string;
  /** Whether an address may be a Service's. */
  isServiceAddress(address: string): boolean;
  /** The nth address for Services, from 0; undefined past the end. */
  serviceAddress(index: number): string | undefined;
  node(index: number): string;
  podRange(nodeIndex: number): string;
  podAddress(nodeIndex: number, index: number): string;
}

/** How many pods a node can have addresses for: a /20 without its first and last address. */
export const POD_ADDRESSES_PER_NODE = 4_094;
/** Addresses for Services: a /20, of which the first 256 are fixed ones. */
export const SERVICE_ADDRESSES = 3_838;
/** Nodes that the plan has room for. */
export const MAX_NODES = 11;

export function createAddressPlan(prefix: string): AddressPlan {
  const at = (offset: number) => `${prefix}.${offset >> 8}.${offset & 0xff}`;
  const isServiceAddress = (address: string) => {
    const [third, fourth] = address
      .slice(prefix.length + 1)
      .split(".")
      .map(Number);
    return address.startsWith(`${prefix}.`) && third < 16 && fourth <= 255;
  };
  return {
    prefix,
    apiService: at(1),
    dns: at(10),
    serviceRange: `${at(0)}/20`,
    isServiceAddress,
    serviceAddress: (index) => (index < SERVICE_ADDRESSES ? at(256 + 1 + index) : undefined),
    node: (index) => at(0xff00 + 1 + index),
    podRange: (nodeIndex) => `${at((64 + 16 * nodeIndex) << 8)}/20`,
    podAddress: (nodeIndex, index) => at(((64 + 16 * nodeIndex) << 8) + 1 + index),
  };
}
