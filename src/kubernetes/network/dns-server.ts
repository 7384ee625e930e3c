/**
 * The cluster's name server, in the place of CoreDNS: answers for the cluster's zones, passes everything else on to the
 * machine's own name servers. UDP only.
 */
import { type Disk, isMissing } from "../../base/disk.ts";
import type { SocketAddress, SocketServer, Sockets } from "../../base/sockets.ts";
import { answerClusterName, type ServiceDirectory } from "./cluster-names.ts";
import { type DnsAnswer, decodeQuestion, encodeAnswer, RECORD_TYPES } from "./dns-message.ts";

/** How long a name server of the machine may take, in milliseconds. */
const UPSTREAM_TIMEOUT_MS = 2_000;
/** Questions that wait for the machine's name servers at one time; more are refused. */
export const MAX_FORWARDED = 256;

export interface DnsServerOptions {
  at: SocketAddress;
  sockets: Sockets;
  directory: ServiceDirectory;
  /** Asked in turn for names outside of the cluster. */
  upstreams: SocketAddress[];
}

export function startDnsServer(options: DnsServerOptions): Promise<SocketServer> {
  const { at, sockets, directory, upstreams } = options;
  let forwarded = 0;
  return sockets.listenUdp(at, async (message) => {
    const question = decodeQuestion(message);
    const answer = answerClusterName(directory, question.name, question.type);
    const alias = answer?.answers[0];
    if (alias?.type === "CNAME" && question.type !== RECORD_TYPES.CNAME) {
      const target = answerClusterName(directory, alias.target, question.type);
      if (target !== undefined) {
        return encodeAnswer(question, { ...target, answers: [alias, ...target.answers] });
      }
    }
    if (answer !== undefined) return encodeAnswer(question, answer);
    if (forwarded >= MAX_FORWARDED) return encodeAnswer(question, REFUSED);
    forwarded++;
    try {
      for (const upstream of upstreams) {
        const reply = await sockets.askUdp(upstream, message, UPSTREAM_TIMEOUT_MS).catch(() => undefined);
        if (reply !== undefined) return reply;
      }
    } finally {
      forwarded--;
    }
    return encodeAnswer(question, REFUSED);
  });
}

const REFUSED: DnsAnswer = { code: "REFUSED", authoritative: false, answers: [] };

/** The machine's IPv4 name servers, from a resolv.conf(5). */
export async function machineNameServers(disk: Disk, path = "/etc/resolv.conf"): Promise<SocketAddress[]> {
  try {
    const text = new TextDecoder().decode(await disk.readFile(path));
    return [...text.matchAll(/^\s*nameserver\s+(\d+\.\d+\.\d+\.\d+)\s*$/gm)].map((match) => ({
      host: match[1],
      port: 53,
    }));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
