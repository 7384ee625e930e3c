import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { after, test } from "node:test";
import { NodeRepeatedFetch } from "./node-repeated-fetch.ts";

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

/** A server that answers each request with the next of these texts; "" closes the connection. */
async function scripted(answers: (string | string[])[]): Promise<{ url: string; connections: () => number }> {
  let connections = 0;
  let next = 0;
  const server = createServer((socket: Socket) => {
    connections++;
    socket.on("error", () => {});
    socket.on("data", async () => {
      const answer = answers[next++];
      if (answer === undefined || answer === "") return void socket.end();
      for (const part of [answer].flat()) {
        socket.write(part);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      if (/connection: close/.test([answer].flat()[0])) socket.end();
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.13.9.1", resolve));
  return {
    url: `http://127.13.9.1:${(server.address() as AddressInfo).port}/metrics`,
    connections: () => connections,
  };
}

const options = { headers: {}, timeoutMs: 2_000, limitBytes: 1000 };

test("NodeRepeatedFetch reads bodies by length, in chunks and up to the end of the connection", async () => {
  const { url, connections } = await scripted([
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
    ["HTTP/1.1 200 OK\r\nContent-Length: 6\r", "\n\r\nabc", "def"],
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nab", "cd\r", "\n1\r\ne\r\n0\r\n", "\r\n"],
    ["HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the", " end"],
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
  ]);
  const client = new NodeRepeatedFetch(url);
  const seen: string[] = [];
  for (let i = 0; i < 6; i++) {
    const { status, bytes } = await client.fetch(options);
    seen.push(`${status} ${new TextDecoder().decode(bytes)}`);
  }
  assert.deepEqual(seen, ["200 hello", "200 abcdef", "200 abcde", "200 abcde", "200 to the end", "404 "]);
  assert.equal(connections(), 2);
  client.close();
});

test("NodeRepeatedFetch reads past interim responses, trailers and lines without a carriage return", async () => {
  const { url, connections } = await scripted([
    [
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early",
      " Hints\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\na: b\r\n", "c: d\r\n\r\n"],
    ["HTTP/1.1 200 OK\ncontent-length: 3\n", "\nbye"],
  ]);
  const client = new NodeRepeatedFetch(url);
  const bodies: string[] = [];
  for (let i = 0; i < 3; i++) bodies.push(Buffer.from((await client.fetch(options)).bytes).toString());
  assert.deepEqual(bodies, ["ok", "x", "bye"]);
  assert.equal(connections(), 1);
  client.close();
});

test("NodeRepeatedFetch opens a new connection when the idle one was closed", async () => {
  const { url, connections } = await scripted([
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
    "",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb",
  ]);
  const client = new NodeRepeatedFetch(url);
  await client.fetch(options);
  assert.equal(new TextDecoder().decode((await client.fetch(options)).bytes), "b");
  assert.equal(connections(), 2);
  client.close();
});

test("NodeRepeatedFetch fails on what is too long, malformed, late or gone", async () => {
  const cases: [answer: string | string[], error: RegExp][] = [
    ["HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", /body is larger than 1000 bytes/],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\n", /body is larger/],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", /invalid byte in chunk length/],
    ["nonsense\r\n", /connection broken: malformed HTTP response "nonsense"$/],
    ["HTTP/1.1 OK\r\n\r\n", /malformed HTTP status code "OK"$/],
    ["HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n", /bad Content-Length "many"$/],
    ["HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", /bad Content-Length "-1"$/],
    ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\nconnection: close\r\n\r\nabc", /aborted/],
    [`HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}`, /headers are too long/],
    ["HTTP/1.1 200 OK\r\n", /timeout/],
  ];
  for (const [answer, error] of cases) {
    const { url } = await scripted([answer]);
    const client = new NodeRepeatedFetch(url);
    await assert.rejects(client.fetch({ ...options, timeoutMs: 300 }), error);
    client.close();
  }
  const gone = new NodeRepeatedFetch("http://127.13.9.2:1/");
  await assert.rejects(gone.fetch(options), { code: "ECONNREFUSED" });
  const abort = new AbortController();
  abort.abort(new Error("stop"));
  await assert.rejects(gone.fetch({ ...options, signal: abort.signal }), /stop/);
});

test("NodeRepeatedFetch reads large bodies of a real server again and again", async () => {
  const server = createHttpServer((request, response) => {
    const size = Number(new URL(request.url!, "http://x").searchParams.get("size"));
    response.end("x".repeat(size));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.13.9.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = new NodeRepeatedFetch(`http://127.13.9.1:${port}/?size=3000000`);
  for (let i = 0; i < 3; i++)
    assert.equal((await client.fetch({ ...options, limitBytes: 4_000_000 })).bytes.length, 3_000_000);
  client.close();
});
