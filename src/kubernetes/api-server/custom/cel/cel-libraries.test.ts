import assert from "node:assert/strict";
import test from "node:test";
import { celProblem } from "./cel-check.ts";
import { evaluateCel } from "./cel-evaluate.ts";
import { parseCel } from "./cel-syntax.ts";
import { CelError } from "./cel-value.ts";

const evaluate = (text: string) => evaluateCel(parseCel(text), {});

test("Kubernetes' libraries: addresses, URLs, formats, versions, sets, texts", () => {
  for (const text of [
    "ip('127.0.0.1').isLoopback() && ip('::1').family() == 6 && isIP('1.2.3.4') && !isIP('1.2.3')",
    "ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1') && string(ip('2001:DB8:0::1')) == '2001:db8::1'",
    "ip('169.254.1.1').isLinkLocalUnicast() && ip('10.0.0.1').isGlobalUnicast() && ip('0.0.0.0').isUnspecified()",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))",
    "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8')",
    "cidr('::1/128').prefixLength() == 128 && isCIDR('10.0.0.0/33') == false && cidr('10.0.0.0/8').ip() == ip('10.0.0.0')",
    "url('https://u@example.com:80/p?a=1&a=2').getHost() == 'example.com:80' && url('https://[::1]:80/').getHostname() == '::1'",
    "url('https://h/p?a=1&a=2').getQuery() == {'a': ['1', '2']} && url('/x').getEscapedPath() == '/x' && !isURL('x y')",
    "format.dns1123Label().validate('A').hasValue() && !format.named('uuid').value().validate('not').value().isSorted() == false",
    "format.dns1123Subdomain().validate('a.b') == optional.none() && !format.named('nope').hasValue()",
    "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-rc.1').compareTo(semver('1.0.0')) == -1",
    "semver('v1.01', true).minor() == 1 && !isSemver('1.2') && isSemver('1.2.3+b')",
    "sets.contains([1, 2], [2]) && sets.equivalent([1, 1], [1]) && !sets.intersects([1], [2])",
    "'%s is %d, %.2f, %x'.format(['a', 5, 1.5, 255]) == 'a is 5, 1.50, ff' && '%s'.format([[1, 'b']]) == '[1, \"b\"]'",
    "base64.decode(base64.encode(b'ab')) == b'ab' && strings.quote('a\"b') == '\"a\\\\\"b\"'",
  ])
    assert.equal(evaluate(text), true, text);
  for (const text of ["ip('x')", "cidr('1.2.3.4')", "url('no url')", "semver('1')", "'%d'.format(['a'])"])
    assert.throws(() => evaluate(text), CelError, text);
});

test("celProblem() tells undeclared names and types before anything is evaluated", () => {
  const problem = (text: string, wanted?: "bool" | "string") => celProblem(text, ["object"], wanted);
  for (const text of [
    "object.items.all(i, i.a == object.b)",
    "sets.contains([1], [1]) && int('1') == 1",
    "object.m.exists(k, v, k == v)",
  ])
    assert.equal(problem(text, "bool"), undefined, text);
  assert.equal(
    problem("object.a == foo.bar"),
    "compilation failed: ERROR: <input>:1:13: undeclared reference to 'foo' (in container '')\n | object.a == foo.bar\n | ............^",
  );
  assert.match(problem("object.all(i, i) && i")!, /undeclared reference to 'i'/);
  assert.match(problem("1 +")!, /Syntax error: mismatched input '<EOF>'/);
  assert.equal(problem("'x'", "bool"), "must evaluate to bool but got string");
  assert.equal(problem("object.x", "bool"), "must evaluate to bool but got dyn");
  assert.equal(problem("1", "string"), "must evaluate to string but got int");
});
