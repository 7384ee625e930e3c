import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../../../base/random.ts";
import { addressFamily } from "./address-family.ts";

test("addressFamily() agrees with Node", () => {
  const texts =
    "1.2.3.4 1.2.3 1.2.3.4. 256.1.1.1 01.2.3.4 :: ::1 1:: 2001:db8::ffff 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7 1::2::3";
  const more = " ::ffff:10.0.0.1 1:2:3:4:5:6:1.2.3.4 1:2:3:4:5:6:7:1.2.3.4 g::1 12345::1 : 1:2:3:4:5:6:7:: x";
  for (const text of [...(texts + more).split(" "), ""]) assert.equal(addressFamily(text), isIP(text), text);
  const random = seededRandom(7);
  const pieces = ["1", "255", "ab", ":", "::", ".", "0"];
  for (let round = 0; round < 20_000; round++) {
    const count = randomInteger(random, 16);
    const text = Array.from({ length: count }, () => pieces[randomInteger(random, pieces.length)]).join("");
    assert.equal(addressFamily(text), isIP(text), text);
  }
});
