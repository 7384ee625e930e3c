import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { after, before, describe, test } from "node:test";
import { BodyLimitError, type HttpHandler, type HttpServer, type Network } from "./network.ts";
import { createNodeNetwork } from "./node-network.ts";

const MEGABYTE = 1024 * 1024;
const reported: unknown[] = [];
const network: Network = createNodeNetwork((error) => reported.push(error));

async function* pieces(count: number, bytes: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new Uint8Array(bytes).fill(i);
}

const ROUTES: Record<string, HttpHandler> = {
  "/length": async ({ body }) => {
    let length = 0;
    for await (const chunk of body) length += chunk.length;
    return { status: 200, body: String(length) };
  },
  "/stream": () => ({ status: 200, body: pieces(8, MEGABYTE), trailers: () => ({ "grpc-status": "0" }) }),
  "/broken": () => {
    throw new Error("a bug");
  },
  "/none": () => ({ status: 204 }),
  "/headers": ({ headers }) => ({ status: 200, headers: { "x-seen": headers["x-asked"] ?? "" }, body: "" }),
};

for (const protocol of ["http1", "h2c"] as const) {
  describe(`createNodeNetwork() over ${protocol}`, () => {
    let server: HttpServer;
    let url: string;
    before(async () => {
      server = await network.serve({ host: "127.0.0.1", port: 0, protocol }, (request) =>
        ROUTES[request.target](request),
      );
      url = `http://127.0.0.1:${server.port}`;
    });
    after(() => server.close());

    test("sends and receives bodies of any shape", async () => {
      const bodies = [undefined, "text", new Uint8Array(3 * MEGABYTE), pieces(4, MEGABYTE)];
      const lengths = [];
      for (const body of bodies) {
        const response = await network.fetch(`${url}/length`, { method: "POST", body, protocol });
        lengths.push(await response.text());
      }
      assert.deepEqual(lengths, ["0", "4", String(3 * MEGABYTE), String(4 * MEGABYTE)]);
    });

    test("takes a time-out that is no whole number", async () => {
      const body = pieces(2, 1_000);
      const response = await network.fetch(`${url}/length`, {
        method: "PUT",
        body,
        timeoutMs: 5000.5,
        protocol,
      });
      assert.equal(await response.text(), "2000");
    });

    test("stops reading at the limit", async () => {
      const response = await network.fetch(`${url}/stream`, { protocol });
      await assert.rejects(response.bytes(MEGABYTE), (error) => error instanceof BodyLimitError);
      const whole = await network.fetch(`${url}/stream`, { protocol });
      assert.equal((await whole.bytes(8 * MEGABYTE)).length, 8 * MEGABYTE);
      if (protocol === "h2c") assert.equal(whole.trailers["grpc-status"], "0");
    });

    test("answers 500 for a handler that throws, and reports it", async () => {
      const response = await network.fetch(`${url}/broken`, { protocol });
      assert.deepEqual([response.status, await response.text()], [500, ""]);
      assert.match(String(reported.at(-1)), /a bug/);
      assert.equal((await network.fetch(`${url}/none`, { protocol })).status, 204);
    });

    test("passes headers on", async () => {
      const response = await network.fetch(`${url}/headers`, { headers: { "x-asked": "yes" }, protocol });
      assert.equal(response.headers["x-seen"], "yes");
    });

    test("fails with the signal's reason", async () => {
      const reason = new Error("enough");
      const failed = network.fetch(`${url}/length`, {
        method: "POST",
        body: "x",
        signal: AbortSignal.abort(reason),
        protocol,
      });
      await assert.rejects(failed, (error) => error === reason);
    });
  });
}

test("serve() says when a client goes away", async () => {
  const gone = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const server = await network.serve({ host: "127.0.0.1", port: 0 }, ({ signal }) => {
    signal.addEventListener("abort", () => gone.resolve());
    entered.resolve();
    return new Promise(() => {});
  });
  const socket = net.connect(server.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await entered.promise;
  socket.destroy();
  await gone.promise;
  await server.close();
});

test("serve() fails with EADDRINUSE, fetch() with ECONNREFUSED", async () => {
  const first = net.createServer().listen(0, "127.0.0.1");
  await once(first, "listening");
  const { port } = first.address() as net.AddressInfo;
  await assert.rejects(network.serve({ host: "127.0.0.1", port }, ROUTES["/none"]), { code: "EADDRINUSE" });
  await new Promise((resolve) => first.close(resolve));
  await assert.rejects(network.fetch(`http://127.0.0.1:${port}/`), { code: "ECONNREFUSED" });
});

test("goes by a proxy, but for the hosts that are reached without it", async (t) => {
  const proxy = await network.serve({ host: "127.0.0.1", port: 0 }, ({ target }) => ({
    status: 200,
    body: `proxy: ${target}`,
  }));
  const server = await network.serve({ host: "127.0.0.1", port: 0 }, () => ({ status: 200, body: "itself" }));
  t.after(() => Promise.all([proxy.close(), server.close()]));
  const url = `http://127.0.0.1:${server.port}/a?b=c`;
  const ask = async (noProxy?: string) =>
    (await network.fetch(url, { proxy: { url: `http://127.0.0.1:${proxy.port}`, noProxy } })).text();
  assert.equal(await ask(), `proxy: ${url}`);
  assert.equal(await ask("127.0.0.1"), "itself");
});
