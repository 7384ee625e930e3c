import assert from "node:assert/strict";
import { promises as dns } from "node:dns";
import test from "node:test";
import { randomInteger, seededRandom } from "../../base/random.ts";
import { systemSockets } from "../../base/sockets.ts";
import type { EndpointSlice, Service } from "../types.ts";
import { answerClusterName, type ServiceDirectory } from "./cluster-names.ts";
import { type DnsRecord, decodeQuestion, encodeAnswer, MAX_UDP_BYTES, RECORD_TYPES } from "./dns-message.ts";
import { startDnsServer } from "./dns-server.ts";

const question = (name: string, type: number = RECORD_TYPES.A) => {
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Uint8Array.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1]);
};

test("decodeQuestion() reads name, type and flags", () => {
  assert.deepEqual(decodeQuestion(question("Web.Default.svc")), {
    id: 0x1234,
    name: "web.default.svc",
    type: 1,
    recursionDesired: true,
    limitBytes: MAX_UDP_BYTES,
  });
});

test("decodeQuestion() throws an Error for anything else, and never anything worse", () => {
  const random = seededRandom(1);
  const good = question("web.default.svc.cluster.local");
  for (let round = 0; round < 2_000; round++) {
    const bytes = good.slice(0, randomInteger(random, good.length + 1));
    for (let flips = randomInteger(random, 4); flips > 0 && bytes.length > 0; flips--) {
      bytes[randomInteger(random, bytes.length)] = randomInteger(random, 256);
    }
    try {
      decodeQuestion(bytes);
    } catch (error) {
      assert.match((error as Error).message, /^DNS /);
    }
  }
});

test("encodeAnswer() leaves off what does not fit and says so", () => {
  const asked = decodeQuestion(question("db.default.svc.cluster.local"));
  const answers = Array.from({ length: 40 }, (_, index): DnsRecord => {
    return { name: asked.name, ttlSeconds: 1, type: "A", address: `127.1.0.${index}` };
  });
  const bytes = encodeAnswer(asked, { code: "NOERROR", authoritative: true, answers });
  assert.ok(bytes.length <= MAX_UDP_BYTES);
  assert.ok(bytes[2] & 0x02);
  assert.equal(
    encodeAnswer(asked, { code: "NOERROR", authoritative: true, answers: answers.slice(0, 3) })[2] & 0x02,
    0,
  );
});

const service = (name: string, spec: Service["spec"]): Service => ({
  metadata: { name, namespace: "default" },
  spec,
});
const SERVICES = [
  service("web", { clusterIP: "127.1.1.1", ports: [{ name: "http", port: 80 }] }),
  service("db", { clusterIP: "None", ports: [{ name: "sql", port: 5432 }] }),
  service("empty", { clusterIP: "None" }),
  service("other", { type: "ExternalName", externalName: "web.default.svc.cluster.local" }),
];
const SLICE: EndpointSlice = {
  metadata: { name: "db-1" },
  addressType: "IPv4",
  ports: [{ name: "sql", port: 5432, protocol: "TCP" }],
  endpoints: [
    { addresses: ["127.1.64.1"], conditions: { ready: true }, hostname: "db-0" },
    { addresses: ["127.1.64.2"], conditions: { ready: false }, hostname: "db-1" },
    { addresses: ["127.1.64.3"], conditions: { ready: true } },
  ],
};
const DIRECTORY: ServiceDirectory = {
  service: (namespace, name) =>
    namespace === "default" ? SERVICES.find(({ metadata }) => metadata.name === name) : undefined,
  slices: (_namespace, name) => (name === "db" ? [SLICE] : []),
  services: () => SERVICES,
};

const ANSWERS: [name: string, type: number, expected: string[] | "NXDOMAIN" | "not ours"][] = [
  ["web.default.svc.cluster.local", RECORD_TYPES.A, ["127.1.1.1"]],
  ["web.default.svc.cluster.local", RECORD_TYPES.AAAA, []],
  ["web.other.svc.cluster.local", RECORD_TYPES.A, "NXDOMAIN"],
  ["db.default.svc.cluster.local", RECORD_TYPES.A, ["127.1.64.1", "127.1.64.3"]],
  ["db-0.db.default.svc.cluster.local", RECORD_TYPES.A, ["127.1.64.1"]],
  ["db-1.db.default.svc.cluster.local", RECORD_TYPES.A, "NXDOMAIN"],
  ["127-1-64-3.db.default.svc.cluster.local", RECORD_TYPES.A, ["127.1.64.3"]],
  ["x.web.default.svc.cluster.local", RECORD_TYPES.A, "NXDOMAIN"],
  ["empty.default.svc.cluster.local", RECORD_TYPES.A, "NXDOMAIN"],
  ["127-1-64-9.default.pod.cluster.local", RECORD_TYPES.A, ["127.1.64.9"]],
  ["_http._tcp.web.default.svc.cluster.local", RECORD_TYPES.SRV, ["web.default.svc.cluster.local:80"]],
  [
    "_sql._tcp.db.default.svc.cluster.local",
    RECORD_TYPES.SRV,
    ["db-0.db.default.svc.cluster.local:5432", "127-1-64-3.db.default.svc.cluster.local:5432"],
  ],
  ["_none._tcp.web.default.svc.cluster.local", RECORD_TYPES.SRV, "NXDOMAIN"],
  ["1.64.1.127.in-addr.arpa", RECORD_TYPES.PTR, ["db-0.db.default.svc.cluster.local"]],
  ["1.1.1.127.in-addr.arpa", RECORD_TYPES.PTR, ["web.default.svc.cluster.local"]],
  ["svc.cluster.local", RECORD_TYPES.A, []],
  ["default.svc.cluster.local", RECORD_TYPES.A, []],
  ["nobody.svc.cluster.local", RECORD_TYPES.A, "NXDOMAIN"],
  ["x.pods.cluster.local", RECORD_TYPES.A, "NXDOMAIN"],
  ["example.com", RECORD_TYPES.A, "not ours"],
];
for (const [name, type, expected] of ANSWERS) {
  test(`answerClusterName() of ${name}, type ${type}`, () => {
    const answer = answerClusterName(DIRECTORY, name, type);
    if (expected === "not ours") return assert.equal(answer, undefined);
    if (expected === "NXDOMAIN") return assert.equal(answer?.code, "NXDOMAIN");
    const texts = answer!.answers.map((record) =>
      record.type === "A"
        ? record.address
        : record.type === "SRV"
          ? `${record.target}:${record.port}`
          : record.target,
    );
    assert.deepEqual([answer!.code, ...texts], ["NOERROR", ...expected]);
  });
}

test("the server answers Node's own resolver, follows aliases and hands the rest on", async () => {
  const upstream = await systemSockets.listenUdp({ host: "127.15.202.1", port: 0 }, async (message) => {
    const asked = decodeQuestion(message);
    const answers: DnsRecord[] = [{ name: asked.name, ttlSeconds: 1, type: "A", address: "192.0.2.1" }];
    return encodeAnswer(asked, { code: "NOERROR", authoritative: false, answers });
  });
  const server = await startDnsServer({
    at: { host: "127.15.202.2", port: 0 },
    sockets: systemSockets,
    directory: DIRECTORY,
    upstreams: [upstream],
  });
  const resolver = new dns.Resolver();
  resolver.setServers([`${server.host}:${server.port}`]);
  assert.deepEqual(await resolver.resolve4("web.default.svc.cluster.local"), ["127.1.1.1"]);
  assert.deepEqual(await resolver.resolve4("other.default.svc.cluster.local"), ["127.1.1.1"]);
  assert.deepEqual(await resolver.reverse("127.1.64.1"), ["db-0.db.default.svc.cluster.local"]);
  const [srv] = await resolver.resolveSrv("_http._tcp.web.default.svc.cluster.local");
  assert.deepEqual([srv.name, srv.port], ["web.default.svc.cluster.local", 80]);
  assert.deepEqual(await resolver.resolve4("example.com"), ["192.0.2.1"]);
  await assert.rejects(resolver.resolve4("nobody.default.svc.cluster.local"), { code: "ENOTFOUND" });
  await server.close();
  await upstream.close();
});
