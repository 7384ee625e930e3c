/** Sends remote-write requests as one sender does: one after the other over one connection. */
import { Agent, request as httpRequest } from "node:http";
import type { BenchServer } from "./servers.ts";

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** @throws when one is not taken */
export async function send(server: BenchServer, requests: Iterable<Uint8Array>): Promise<void> {
  for (const body of requests) {
    const status = await post(server.writeUrl, body);
    if (status >= 300) throw new Error(`${server.kind.name} answered ${status}`);
  }
}

/** Posts a body and reads the answer. */
function post(url: string, body: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      url,
      {
        method: "POST",
        agent,
        headers: {
          "content-type": "application/x-protobuf",
          "content-encoding": "snappy",
          "x-prometheus-remote-write-version": "0.1.0",
          "content-length": body.length,
        },
      },
      (response) => response.resume().on("end", () => resolve(response.statusCode!)),
    );
    request.on("error", reject);
    request.end(body);
  });
}
