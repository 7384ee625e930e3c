import assert from "node:assert/strict";
import { test } from "node:test";
import { randomInteger, seededRandom } from "../base/random.ts";
import { canonicalQuantity, formatQuantity, parseQuantity, scaledQuantity } from "./quantity.ts";

test("parseQuantity() reads every suffix", () => {
  const cases: [string | number, number][] = [
    ["0", 0],
    ["500m", 0.5],
    ["100m", 0.1],
    ["1", 1],
    ["1.5", 1.5],
    [".5", 0.5],
    ["2k", 2000],
    ["1M", 1e6],
    ["1Ki", 1024],
    ["128Mi", 128 * 2 ** 20],
    ["1Gi", 2 ** 30],
    ["1e3", 1000],
    ["1E2", 100],
    ["5E", 5e18],
    ["-1", -1],
    ["1n", 1e-9],
    [3, 3],
  ];
  for (const [text, value] of cases) assert.equal(parseQuantity(text), value, String(text));
});

test("parseQuantity() rejects what is no quantity", () => {
  for (const text of ["", "1 Gi", "abc", "1.2.3", "1KiB"])
    assert.throws(() => parseQuantity(text), /quantities must match the regular expression/, text);
  for (const text of ["1mi", "1e", "1K", "E-", "--1"])
    assert.throws(() => parseQuantity(text), /unable to parse quantity's suffix/, text);
  for (const text of [".Pi", "-e-12"])
    assert.throws(() => parseQuantity(text), /unable to parse numeric part of quantity/, text);
  // A number without digits is none.
  for (const text of ["m", "Gi", "-.k"]) assert.equal(Math.abs(parseQuantity(text)), 0, text);
});

test("canonicalQuantity() gives the text that the API stores", () => {
  const cases: [string | number, string][] = [
    ["0.5", "500m"],
    ["1000m", "1"],
    ["1024Mi", "1Gi"],
    ["1536Mi", "1536Mi"],
    ["1000", "1k"],
    ["1500", "1500"],
    ["1.5Gi", "1536Mi"],
    ["0", "0"],
    ["0.1", "100m"],
    ["1e3", "1e3"],
    ["1000e-1", "100"],
    ["102.4E0", "102400e-3"],
    ["0.5Gi", "512Mi"],
    ["0.5Ki", "512"],
    ["0.0001Ki", "102400u"],
    ["1024E", "1024E"],
    ["18446744073709551616Ki", "9223372036854775807"],
    ["-945733285101583419723", "-945733285101583419723"],
    [2, "2"],
    ["123456789012", "123456789012"],
    ["0.0000000001", "1n"],
    ["-0.5", "-500m"],
  ];
  for (const [text, canonical] of cases) assert.equal(canonicalQuantity(text), canonical, String(text));
});

test("formatQuantity() and parseQuantity() agree on random numbers", () => {
  const random = seededRandom(7);
  for (let round = 0; round < 2000; round++) {
    const milli = randomInteger(random, 2 ** 31);
    assert.equal(parseQuantity(formatQuantity(milli / 1000)), milli / 1000);
    const bytes = randomInteger(random, 2 ** 31) * 1024;
    assert.equal(parseQuantity(formatQuantity(bytes, "BinarySI")), bytes);
  }
});

test("scaledQuantity() rounds away from zero, and only there", () => {
  const cases: [string | number, number, number][] = [
    ["70m", 3, 70],
    ["0.07", 3, 70],
    ["70m", 0, 1],
    ["-70m", 0, -1],
    ["1100u", 3, 2],
    ["1n", 3, 1],
    ["1.5Ki", 0, 1536],
    ["0.5Ki", 3, 512_000],
    ["8Ei", 0, 2 ** 63],
    ["1e3", 0, 1000],
    ["1e-3", 3, 1],
    [".5", 0, 1],
    ["5.", 0, 5],
    [3, 3, 3000],
    [0.25, 3, 250],
    ["-0", 0, 0],
    ["0", 3, 0],
  ];
  for (const [quantity, places, value] of cases)
    assert.equal(scaledQuantity(quantity, places), value, `${quantity} in 1e-${places}`);
  assert.throws(() => scaledQuantity("1 Gi", 0), /quantities must match/);
});

test("scaledQuantity() agrees with whole thousandths", () => {
  const random = seededRandom(74);
  for (let round = 0; round < 2_000; round++) {
    const milli = randomInteger(random, 1_000_000_000);
    assert.equal(scaledQuantity(`${milli}m`, 3), milli);
    assert.equal(scaledQuantity(formatQuantity(milli / 1000), 3), milli);
  }
});
