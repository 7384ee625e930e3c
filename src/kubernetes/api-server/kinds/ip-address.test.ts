import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressBits,
  addressText,
  addressWarnings,
  legacyAddress,
  legacyRange,
  rangeWarnings,
} from "./ip-address.ts";

test("addressText() leaves out the longest run of zeros", () => {
  for (const [given, text] of [
    ["10.0.0.1", "10.0.0.1"],
    ["2001:DB8:0:0:1:0:0:0", "2001:db8:0:0:1::"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"],
    ["::ffff:10.1.2.3", "::ffff:a01:203"],
  ])
    assert.equal(addressText(addressBits(given)), text);
});

test("legacyAddress() takes leading zeros and mapped addresses, and says so", () => {
  const text = (given: string) => {
    const address = legacyAddress(given);
    return address && `${addressText(address)} ${address.isStandard}`;
  };
  assert.equal(text("010.1.002.3"), "10.1.2.3 false");
  assert.equal(text("::ffff:10.1.2.3"), "10.1.2.3 false");
  assert.equal(text("fe80::1"), "fe80::1 true");
  for (const wrong of ["", "1.2.3", "1.2.3.256", "x", "1.2.3.4.5", "12345::"])
    assert.equal(text(wrong), undefined, wrong);
});

test("legacyRange() tells bits past the prefix", () => {
  const range = legacyRange("192.168.3.1/24")!;
  assert.deepEqual([range.text, range.isExact, range.prefix], ["192.168.3.0/24", false, 24]);
  for (const wrong of ["10.0.0.0", "10.0.0.0/33", "fe80::/129", "/8"])
    assert.equal(legacyRange(wrong), undefined, wrong);
});

test("addressWarnings() and rangeWarnings() say what to write instead", () => {
  assert.deepEqual(addressWarnings("f", "10.1.2.3"), []);
  assert.match(
    addressWarnings("f", "10.1.2.03")[0],
    /^f: non-standard IP address "10\.1\.2\.03" .* use "10\.1\.2\.3"$/,
  );
  assert.match(addressWarnings("f", "FE80::1")[0], /RFC 5952 canonical format \("fe80::1"\)$/);
  assert.match(
    rangeWarnings("f", "10.1.2.3/16")[0],
    /ambiguous in this context \(should be "10\.1\.0\.0\/16" or "10\.1\.2\.3\/32"\?\)$/,
  );
  assert.match(rangeWarnings("f", "010.0.0.0/8")[0], /non-standard CIDR value "010\.0\.0\.0\/8"/);
  assert.match(rangeWarnings("f", "FD00::/8")[0], /IPv6 CIDR value "FD00::\/8" should be .*\("fd00::\/8"\)$/);
});
