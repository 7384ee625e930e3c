/** A thread of watchers: opens them over HTTPS, counts the events that come, and says when all have come. */
import { request } from "node:https";
import { parentPort, workerData } from "node:worker_threads";

const { url, token, watchers, expected } = workerData as {
  url: string;
  token: string;
  watchers: number;
  expected: number;
};
let total = 0;
let open = 0;

for (let i = 0; i < watchers; i++) {
  const target = `${url}/api/v1/pods?watch=1&resourceVersion=${workerData.resourceVersion}`;
  const call = request(
    target,
    { rejectUnauthorized: false, agent: false, headers: { authorization: `Bearer ${token}` } },
    (response) => {
      open++;
      if (open === watchers) parentPort!.postMessage("open");
      response.on("data", (chunk: Buffer) => {
        for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) total++;
        if (total >= expected) parentPort!.postMessage("done");
      });
    },
  );
  call.on("error", (error) => parentPort!.postMessage(`error ${error.message}`));
  call.end();
}
