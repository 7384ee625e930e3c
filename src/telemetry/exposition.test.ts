import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../base/log.ts";
import { bodyOf } from "../base/network.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../simulation/virtual/virtual-clock.ts";
import { checkOpenMetrics } from "../wire/exposition/check-openmetrics.ts";
import { negotiateFormat, renderExposition } from "./exposition.ts";
import { prometheusName } from "./prometheus-name.ts";
import { Registry } from "./registry.ts";
import { ServiceTelemetry } from "./service-telemetry.ts";

const SPAN = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true };

function sample(): Registry {
  const registry = new Registry(new VirtualClock());
  const counter = registry.counter({
    name: "percolate.tenant_requests",
    description: 'Total "requests"\nper tenant',
    unit: "requests",
    labels: ["tenant_id"],
    constants: { tier: "small" },
  });
  counter.add(2, { tenant_id: 'a"\\\n' }, SPAN);
  registry
    .histogram(
      { name: "http.server.request.duration", description: "Duration", unit: "s", labels: ["http.route"] },
      [0.5, 1],
    )
    .record(0.75, { "http.route": "/x" }, SPAN);
  registry.observe({
    name: "percolate.active_tenants",
    description: "Active",
    unit: "tenants",
    kind: "upDownCounter",
    otlpConstants: { pod: "p" },
    read: () => [{ value: 3, attributes: { tier: "small" } }],
  });
  return registry;
}

test("renderExposition() writes the text format 0.0.4", () => {
  assert.equal(
    renderExposition(sample().collect(), "text"),
    `# HELP http_server_request_duration_seconds Duration
# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_bucket{http_route="/x",le="0.5"} 0
http_server_request_duration_seconds_bucket{http_route="/x",le="1"} 1
http_server_request_duration_seconds_bucket{http_route="/x",le="+Inf"} 1
http_server_request_duration_seconds_sum{http_route="/x"} 0.75
http_server_request_duration_seconds_count{http_route="/x"} 1
# HELP percolate_active_tenants Active
# TYPE percolate_active_tenants gauge
percolate_active_tenants{tier="small"} 3
# HELP percolate_tenant_requests_total Total "requests"\\nper tenant
# TYPE percolate_tenant_requests_total counter
percolate_tenant_requests_total{tier="small",tenant_id="a\\"\\\\\\n"} 2
`,
  );
});

test("renderExposition() writes OpenMetrics 1.0 with units and exemplars", () => {
  const exemplar = `# {trace_id="${SPAN.traceId}",span_id="${SPAN.spanId}"}`;
  assert.equal(
    renderExposition(sample().collect(), "openmetrics"),
    `# HELP http_server_request_duration_seconds Duration
# TYPE http_server_request_duration_seconds histogram
# UNIT http_server_request_duration_seconds seconds
http_server_request_duration_seconds_bucket{http_route="/x",le="0.5"} 0
http_server_request_duration_seconds_bucket{http_route="/x",le="1.0"} 1 ${exemplar} 0.75 1767225600.000
http_server_request_duration_seconds_bucket{http_route="/x",le="+Inf"} 1
http_server_request_duration_seconds_sum{http_route="/x"} 0.75
http_server_request_duration_seconds_count{http_route="/x"} 1
# HELP percolate_active_tenants Active
# TYPE percolate_active_tenants gauge
# UNIT percolate_active_tenants tenants
percolate_active_tenants{tier="small"} 3
# HELP percolate_tenant_requests Total \\"requests\\"\\nper tenant
# TYPE percolate_tenant_requests counter
# UNIT percolate_tenant_requests requests
percolate_tenant_requests_total{tier="small",tenant_id="a\\"\\\\\\n"} 2 ${exemplar} 2 1767225600.000
# EOF
`,
  );
});

test("renderExposition() keeps every rule of OpenMetrics", () => {
  const page = (registry: Registry) =>
    new TextEncoder().encode(renderExposition(registry.collect(), "openmetrics"));
  checkOpenMetrics(page(sample()));
  checkOpenMetrics(page(new Registry(new VirtualClock())));
  const { clock, random } = { clock: new VirtualClock(), random: seededRandom(1) };
  const env = { OTEL_SEMCONV_STABILITY_OPT_IN: "http/dup" };
  const telemetry = new ServiceTelemetry({ clock, random, log: silentLogger, env, pod: "p", tier: "small" });
  for (let i = 0; i < 3_000; i++) telemetry.tenantServed(`tenant-${i}`, true, SPAN);
  const { signal } = new AbortController();
  const request = { method: "GET", target: "/", headers: {}, body: bodyOf(), remoteAddress: "", signal };
  telemetry.begin(request).finish({ status: 200 });
  checkOpenMetrics(page(telemetry.registry));
});

test("negotiateFormat() takes what the scraper prefers and falls back to text", () => {
  const cases: [accept: string | undefined, format: string][] = [
    [undefined, "text"],
    ["", "text"],
    ["*/*", "text"],
    ["text/plain", "text"],
    ["application/openmetrics-text", "openmetrics"],
    [
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
      "openmetrics",
    ],
    ["application/openmetrics-text;version=2.0.0, text/plain;q=0.1", "text"],
    ["text/plain;q=0.9, application/openmetrics-text;version=1.0.0;q=0.8", "text"],
    ["application/openmetrics-text;q=0", "text"],
    [`${"x".repeat(5_000)},application/openmetrics-text`, "text"],
  ];
  for (const [accept, format] of cases) assert.equal(negotiateFormat(accept), format, accept);
});

test("prometheusName() follows the OpenTelemetry compatibility rules", () => {
  const cases: [name: string, unit: string, expected: string][] = [
    ["http.server.request.duration", "s", "http_server_request_duration_seconds"],
    ["http.server.request.body.size", "By", "http_server_request_body_size_bytes"],
    ["percolate.active_tenants", "tenants", "percolate_active_tenants"],
    ["percolate.affinity_hits", "hits", "percolate_affinity_hits"],
    ["jobs", "{job}", "jobs"],
    ["ratio", "1", "ratio"],
    ["a..b", "", "a_b"],
    ["0day", "", "_0day"],
  ];
  for (const [name, unit, expected] of cases) assert.equal(prometheusName(name, unit), expected, name);
});
