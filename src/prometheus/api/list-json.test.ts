import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { Labels } from "../../model/labels.ts";
import { Pacer } from "../tsdb/pacer.ts";
import { apiResponse } from "./api-request.ts";
import { listJson } from "./list-json.ts";

const pacer = new Pacer(systemClock);

test("listJson() is what apiResponse() makes of a list", async () => {
  const lists: (string | Labels)[][] = [
    [],
    ["one"],
    ['<a> & "b"', "é\u2028", "\ud800", ""],
    [Labels.of({ __name__: "m", text: '<"é">' }), Labels.empty],
    Array.from({ length: 1000 }, (_, i) => `value ${i}`),
  ];
  for (const list of lists) {
    for (const warnings of [[], ["cut <off>"]]) {
      const written = apiResponse({ data: await listJson(list, pacer), warnings });
      const wanted = apiResponse({ data: list, warnings });
      assert.equal(Buffer.from(written.body as Uint8Array).toString(), wanted.body);
      assert.deepEqual([written.status, written.headers], [wanted.status, wanted.headers]);
    }
  }
});
