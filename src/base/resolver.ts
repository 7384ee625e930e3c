/** DNS as an argument. */
import * as dns from "node:dns/promises";

export interface SrvRecord {
  name: string;
  port: number;
}

export interface Resolver {
  resolveSrv(name: string): Promise<SrvRecord[]>;
  /** Addresses, or the host names that MX and NS records name. */
  resolve(name: string, type: "A" | "AAAA" | "MX" | "NS"): Promise<string[]>;
}

export const systemResolver: Resolver = {
  resolveSrv: (name) => dns.resolveSrv(name),
  async resolve(name, type) {
    if (type === "MX") return (await dns.resolveMx(name)).map((record) => record.exchange);
    if (type === "NS") return dns.resolveNs(name);
    // Through the system's own resolver, which knows the names of a cluster and of the hosts file.
    const found = await dns.lookup(name, { all: true, family: type === "A" ? 4 : 6 });
    return found.map((each) => each.address);
  },
};
