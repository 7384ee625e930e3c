/**
 * The router (`topology run router`): tenant affinity. A request goes to the pod that owns its tenant, by the
 * rendezvous hash over the tier's membership (see `test-db/mod.ts`); while that pod is not there the request waits.
 *
 * Has no single upstream; stands where a service mesh's consistent-hash route or KEDA's HTTP add-on interceptor would.
 * Any number of routers may run: none holds state that another needs.
 */
export { type MembershipFeed, Router, type RouterOptions } from "./router.ts";
export { RouterMetrics } from "./router-metrics.ts";
export { TierScaler, type TierScalerOptions } from "./tier-scaler.ts";
