import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../base/random.ts";
import { Labels } from "../../../model/labels.ts";
import { checkTemplate, expandTemplate } from "./expand.ts";
import type { TemplateData } from "./template-data.ts";

const data: TemplateData = {
  labels: { instance: "db-0:8000", job: "app" },
  // As a configuration is read: without a prototype.
  externalLabels: Object.assign(Object.create(null), { site: "s" }),
  externalUrl: "http://p:9090/x",
  value: 1234.5678,
  timestampMs: 1_767_225_600_000,
  query: async (expression) =>
    expression === "none" ? [] : ["b", "a"].map((pod, i) => ({ labels: Labels.of({ pod }), value: i + 1 })),
};

test("expandTemplate() does what Go's templates do with Prometheus' functions", async () => {
  const cases: [template: string, expected: string][] = [
    ["plain", "plain"],
    [
      "{{ $labels.instance }} {{ .Labels.job }} {{ $externalLabels.site }} {{ $externalURL }}",
      "db-0:8000 app s http://p:9090/x",
    ],
    ["{{ $labels.missing }}|", "|"],
    ["{{ $value }} {{ $value | humanize }} {{ $value | humanize1024 }}", "1234.5678 1.235k 1.206ki"],
    [
      '{{ printf "%.1f %d %s %5.2e|%-6s|%06.2f%%" $value 3 "x" 0.00012 "ab" 3.14159 }}',
      "1234.6 3 x 1.20e-04|ab    |003.14%",
    ],
    ["{{ 0.00123 | humanize }} {{ 0 | humanize }} {{ humanize1024 1048576 }}", "1.23m 0 1Mi"],
    [
      "{{ humanizeDuration 3661 }} {{ humanizeDuration 0.0123 }} {{ humanizeDuration 90061 }} {{ humanizeDuration -1 }}",
      "1h 1m 1s 12.3ms 1d 1h 1m 1s -1s",
    ],
    ["{{ 0.12345 | humanizePercentage }}", "12.35%"],
    ["{{ 1767225600.5 | humanizeTimestamp }}", "2026-01-01 00:00:00.5 +0000 UTC"],
    ["{{ if gt $value 1000.0 }}big{{ else if eq $value 0.0 }}zero{{ else }}small{{ end }}", "big"],
    ["{{ if and true (not false) }}y{{ end }}", "y"],
    ['{{ with query "up" }}{{ . | first | value }} {{ . | first | label "pod" }}{{ end }}', "1 b"],
    [
      '{{ range query "up" | sortByLabel "pod" }}{{ .Labels.pod }}={{ .Value }};{{ else }}none{{ end }}',
      "a=2;b=1;",
    ],
    ['{{ range query "none" }}x{{ else }}none{{ end }}', "none"],
    ["{{ range $i, $v := .Labels }}{{ $i }}:{{ $v }} {{ end }}", "instance:db-0:8000 job:app "],
    ["{{ $x := 5 }}{{ $x }}", "5"],
    ['{{ toUpper "a" }}{{ title "the db" }}{{ "B" | toLower }}', "AThe Dbb"],
    ['{{ reReplaceAll "(.*):.*" "$1!" $labels.instance }} {{ match "^db" $labels.instance }}', "db-0! true"],
    ['{{ stripPort "a.b:80" }} {{ stripDomain "a.b.c:80" }} {{ pathPrefix }}', "a.b a:80 /x"],
    ["a {{- 1 -}} b{{/* gone */}}", "a1b"],
    ['{{ index $labels "job" }}{{ len "abc" }}{{ (query "up" | first).Value }}', "app31"],
  ];
  for (const [template, expected] of cases)
    assert.equal(await expandTemplate(template, data, "t"), expected, template);
});

test("expandTemplate() has Go's named templates, loops and scopes", async () => {
  const cases: [template: string, expected: string][] = [
    ['{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" $value }}{{ template "t" "x" }}', "<1234.5678><x>"],
    ['{{ define "two" }}{{ .arg0 }}+{{ .arg1 }}{{ end }}{{ template "two" (args 1 "b") }}', "1+b"],
    ['{{ block "b" $labels.job }}[{{ . }}]{{ end }}', "[app]"],
    ["{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"],
    ['{{ range $i, $e := query "up" }}{{ if $i }}{{ break }}{{ end }}{{ $e.Value }}{{ end }}', "1"],
    ['{{ range query "up" }}{{ continue }}x{{ end }}{{ range 3 }}i{{ end }}', "iii"],
    ['{{ printf "%d %x %q %v %c %U" 42 255 "s" "v" 65 65 }}', '42 ff "s" v A U+0041'],
    ['{{ printf "%s %d %d" 5 "x" 5.5 }}', "%!s(int=5) %!d(string=x) %!d(float64=5.5)"],
    ['{{ printf "%s" }}{{ printf "x" 1 }}', "%!s(MISSING)x%!(EXTRA int=1)"],
    ['{{ print 1 2 "a" 3 }}|{{ slice "abcdef" 1 3 }}|{{ index $labels "job" }}', "1 2a3|bc|app"],
    ['{{ html "<a>" }} {{ js "it\'s <b>" }}', "&lt;a&gt; it\\'s \\u003Cb\\u003E"],
    [
      '{{ urlQueryEscape "a b&(c)" }} {{ toDuration 3661.5 }} {{ parseDuration "-5m" }}',
      "a+b%26%28c%29 1h1m1.5s -300",
    ],
    [
      '{{ stripPort "[::1]:80" }} {{ stripPort "a:b:c" }} {{ stripDomain "10.0.0.1:80" }}',
      "::1 a:b:c 10.0.0.1:80",
    ],
    ["{{ humanize 0.0001 }} {{ 0x1F }} {{ 1_000 }} {{ 'a' }}", "100u 31 1000 97"],
  ];
  for (const [template, expected] of cases)
    assert.equal(await expandTemplate(template, data, "t"), expected, template);
});

test("expandTemplate() refuses what Go does", async () => {
  const cases: [template: string, message: RegExp][] = [
    ["{{ gt $value 0 }}", /incompatible types for comparison: float64 and int/],
    ["{{ humanize 1 2 }}", /wrong number of args for humanize: want 1 got 2/],
    ["{{ .Nope }}", /can't evaluate field Nope/],
    ['{{ template "none" }}', /template "none" not defined/],
    ['{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}', /exceeded maximum template depth/],
  ];
  for (const [template, message] of cases)
    await assert.rejects(expandTemplate(template, data, "t"), { message });
});

test("checkTemplate() knows names, and says where they are not known", () => {
  const problem = (text: string) => checkTemplate(text, "a");
  assert.equal(problem("x\n{{ $nope }}"), 'template: a:2: undefined variable "$nope"');
  assert.equal(problem("{{ nofunc 1 }}"), 'template: a:1: function "nofunc" not defined');
  assert.equal(
    problem("{{ if $y := 1 }}{{ $y }}{{ end }}{{ $y }}"),
    'template: a:1: undefined variable "$y"',
  );
  assert.equal(problem("\n\n{{ if }}x{{ end }}"), "template: a:3: missing value for if");
  assert.equal(problem("{{ 1 | 2 }}"), "template: a:1: non executable command in pipeline stage 2");
  assert.equal(problem("{{ range $i, $v := $labels }}{{ $i }}{{ end }}"), undefined);
});

test("checkTemplate() finds what is malformed", () => {
  for (const bad of [
    "{{",
    "{{ $labels.x",
    "{{ if }}x{{ end }}",
    "{{ if true }}",
    "{{ end }}",
    "{{ (1 }}",
    "{{ ) }}",
  ])
    assert.match(checkTemplate(bad, "a") ?? "", /^template: a:1: /, bad);
  assert.equal(checkTemplate("{{ $labels.x }} {{ $value | humanize }}", "a"), undefined);
});

test("expandTemplate() fails on what cannot be evaluated", async () => {
  for (const bad of [
    '{{ query "none" | first }}',
    "{{ nothing }}",
    "{{ $x }}",
    '{{ humanize "x" }}',
    "{{ 1 2 }}",
  ])
    await assert.rejects(expandTemplate(bad, data, "t"), { name: "TemplateError" }, bad);
});

test("expandTemplate() says where it failed, as Go does", async () => {
  const cases: [template: string, message: string][] = [
    [
      '{{ query "none" | first }}',
      'error executing template t: template: t:1:130: executing "t" at <first>: error calling first: first() called on vector with no elements',
    ],
    [
      'a\n é {{ humanize "x" }}',
      'error executing template t: template: t:2:7: executing "t" at <humanize "x">: error calling humanize: strconv.ParseFloat: parsing "x": invalid syntax',
    ],
    [
      '{{ (query "up").banana }}',
      'error executing template t: template: t:1:122: executing "t" at <"up">: can\'t evaluate field banana in type template.queryResult',
    ],
    [
      "{{ toUpper $value }}",
      'error executing template t: template: t:1:123: executing "t" at <$value>: wrong type for value; expected string; got float64',
    ],
    [
      "{{ $labels.job.x }}",
      'error executing template t: template: t:1:122: executing "t" at <$labels.job.x>: can\'t evaluate field x in type string',
    ],
    [
      '{{ define "d" }}{{ .x }}{{ end }}{{ template "d" 1 }}',
      'error executing template t: template: t:1:131: executing "d" at <.x>: can\'t evaluate field x in type int',
    ],
    [
      '{{ reReplaceAll "(" "" "" }}',
      'error executing template t: template: t:1:115: executing "t" at <reReplaceAll "(" "" "">: error calling reReplaceAll: regexp: Compile(`(`): error parsing regexp: missing closing ): `(`',
    ],
    ["{{ 1", "error parsing template t: template: t:1: unclosed action"],
    ["{{ 1\n\n", "error parsing template t: template: t:3: unclosed action started at t:1"],
    ["{{ \u00a0 }}", "error parsing template t: template: t:1: unrecognized character in action: U+00A0"],
    ['{{ "\\d" }}', "error parsing template t: template: t:1: invalid syntax"],
    ["{{ if 1 }}", "error parsing template t: template: t:1: unexpected EOF"],
    ["{{ 1 }}{{ end }}", "error parsing template t: template: t:1: unexpected {{end}}"],
    ["{{ range }}{{ end }}", "error parsing template t: template: t:1: missing value for range"],
    ["{{ tmpl . }}", 'error parsing template t: template: t:1: function "tmpl" not defined'],
    ["{{ a,b }}", 'error parsing template t: template: t:1: function "a" not defined'],
    ["{{ 1 }} {{ else }}", "error parsing template t: template: t:1: unexpected {{else}}"],
    ['{{ print "a"; 1 }}', 'error parsing template t: template: t:1: unexpected ";" in operand'],
  ];
  for (const [template, message] of cases) {
    const failed = await expandTemplate(template, data, "t").then(
      (text) => text,
      (error) => (error as Error).message,
    );
    assert.equal(failed, message, template);
  }
});

test("expandTemplate() has Go's times, durations and types of numbers", async () => {
  const cases: [template: string, expected: string][] = [
    ['{{ (now | toTime).Format "Mon Jan _2 15:04:05.000 2006" }}', "Thu Jan  1 00:00:00.000 2026"],
    ['{{ ("-30m" | parseDuration | toDuration | (now | toTime).Add).UnixMilli }}', "1767223800000"],
    ["{{ (toTime 1.5).Month }} {{ (toTime 0).Weekday }} {{ (toTime 86400).Day }}", "January Thursday 2"],
    ["{{ (toDuration 5400).Hours }} {{ (toDuration 90).String }}", "1.5 1m30s"],
    ["{{ eq (toTime 0).Month 1 }} {{ lt 1 2 }} {{ ne 1.5 2.5 }}", "true true true"],
    [
      '{{ printf "%.1f %.2e %5.1f|%-6d|%06.2f|%+d" 0.25 1234.5 2.25 7 3.14159 3 }}',
      "0.2 1.23e+03   2.2|7     |003.14|+3",
    ],
    [
      '{{ printf "%.2f" 3 }} {{ printf "%d" 3.5 }} {{ printf "%t %c %x" true 65 "hi" }}',
      "%!f(int=03) %!d(float64=3.5) true A 6869",
    ],
    ['{{ printf "%*d" 4 7 }}|{{ printf "%s" nil }}', "   7|%!s(<nil>)"],
    ['{{ title "db-0 it\'s 3rd o.k" }}', "Db-0 It's 3Rd O.k"],
    ['{{ len $labels }} {{ index "abc" 1 }} {{ slice "héllo" 0 3 }}', "2 98 hé"],
    ["{{ range $k, $v := $labels }}{{ $k }}={{ $v }},{{ end }}", "instance=db-0:8000,job=app,"],
    ["{{ with $x := 0 }}a{{ else with $y := 2 }}{{ $y }}{{ end }}", "2"],
    [
      "{{ humanizePercentage 12.345 }} {{ humanizeDuration 899.99 }} {{ humanize 9223372036854775807 }}",
      "1234% 14m 59s 9.223E",
    ],
    ["a\n  {{- /* no */ -}}\n  b", "ab"],
    ['{{ or "" "x" }}{{ and 1 0 }}{{ not 0 }}', "x0true"],
    ["{{ $labels }} {{ $externalLabels }}", "map[instance:db-0:8000 job:app] map[site:s]"],
  ];
  for (const [template, expected] of cases)
    assert.equal(await expandTemplate(template, data, "t"), expected, template);
});

test("expandTemplate() ends, whatever the template", async () => {
  const random = seededRandom(7);
  const parts =
    '{{ }} "a" | ( ) $value $labels.job . query "up" first range end else if with define := = 1 -1.5 nil printf'.split(
      " ",
    );
  for (let i = 0; i < 3_000; i++) {
    const length = 1 + Math.floor(random.float() * 12);
    const text = `{{${Array.from({ length }, () => parts[Math.floor(random.float() * parts.length)]).join(" ")}`;
    await expandTemplate(text, data, "t").catch((error) => assert.equal(error.name, "TemplateError", text));
  }
});
