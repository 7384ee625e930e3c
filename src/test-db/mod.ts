/**
 * The database pod (`topology run test-db`): resources of tenants over HTTP on port 8000, each tenant in a SQLite file
 * on the pod's volume, instrumented by `telemetry/` on both pipelines.
 *
 * Stands for the `app.py` of the design's test topology. Differs on purpose: a tenant's data moves with the tenant.
 *
 * # Custody
 *
 * The membership of a tier is one ConfigMap (`test-db-small-membership`), changed with optimistic concurrency:
 *
 *     epoch   raised with every change of who owns what
 *     pods    name, address, member or leaving, `settled`, volume
 *
 * The owner of a tenant is the rendezvous hash over the members. The *holder* is the pod that has its file. Owner and
 * holder differ only for as long as a hand-over takes, and these rules make that safe:
 *
 * - R1 The pod with a tenant's file is its holder, and serves it when by its own view it is the owner; otherwise it
 *      answers 421, and the router looks again. A pod with an old view harms nobody: while it has the file, nobody
 *      else has.
 * - R2 Before a copy's first byte leaves, the file is renamed to `.handover`. A file of that name is never served: the
 *      other pod may have the tenant. It is removed when the other has said that the copy is durable there.
 * - R3 An owner without the file may make an empty one only when every pod of the membership whose `settled` is below
 *      the epoch has said that it does not have the tenant. A pod that has it sends it before it answers. A pod that
 *      is away cannot say so: the tenant waits, and the client gets 503 with Retry-After, never an empty database.
 * - R4 A pod answers "not here" only at the asker's epoch or a later one, and takes a copy only when by its own view
 *      it is the owner: so what it denied it will not get behind the asker's back.
 * - R5 A pod sets its `settled` to an epoch when its view has reached it, everything that began before has ended, and
 *      it holds nothing of others.
 *
 * A copy that was offered before, with an end that the sender does not know, is offered as *in doubt*: its receiver
 * first asks the other unsettled pods (R3), since one of them may have taken the first offer. The generation in the
 * file's name tells the newer of two copies. When a tenant was last active travels with it, so that the number that
 * KEDA reads counts each tenant once.
 *
 * A pod that is asked to end looks at its StatefulSet: if that wants fewer pods, it leaves (state `leaving`, next
 * epoch), hands everything over and then takes its entry away; if not, it will be back, and keeps its tenants. The
 * last member never leaves: a tier at zero is a membership whose pod has no address.
 *
 * Writes are done once however often they are tried: a request's id is stored with what it made.
 */
export { Custody, type CustodyOptions, MisdirectedError, UnavailableError } from "./custody.ts";
export { createJournalEngine } from "./journal-engine.ts";
export { createHttpPeers, type Peers } from "./peers.ts";
export type { TenantDatabase, TenantEngine } from "./tenant-database.ts";
export { runTestDb, type TestDbOptions } from "./test-db.ts";
