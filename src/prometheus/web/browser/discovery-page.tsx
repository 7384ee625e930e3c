/** What discovery has found: the labels before and after relabelling, and the targets that it dropped. */
import { Failure } from "./failure.tsx";
import { Metric } from "./graph.tsx";
import { useAnswer } from "./use-answer.ts";

interface Found {
  discoveredLabels: Record<string, string>;
  /** Missing of a target that relabelling dropped. */
  labels?: Record<string, string>;
  scrapePool: string;
}

interface Answer {
  activeTargets: Found[];
  droppedTargets: Found[];
  droppedTargetCounts: Record<string, number>;
}

export function DiscoveryPage() {
  const { data, error } = useAnswer<Answer>("targets?state=any");
  const found = data === undefined ? [] : [...data.activeTargets, ...data.droppedTargets];
  const poolOf = ({ scrapePool, discoveredLabels }: Found) => scrapePool ?? discoveredLabels["job"];
  const pools = [...new Set([...found.map(poolOf), ...Object.keys(data?.droppedTargetCounts ?? {})])].sort();
  return (
    <section>
      <h1>Service discovery</h1>
      <Failure error={error} />
      {pools.map((pool) => {
        const targets = found.filter((target) => poolOf(target) === pool);
        const active = targets.filter(({ labels }) => labels !== undefined).length;
        const dropped = data!.droppedTargetCounts[pool] ?? 0;
        return (
          <article key={pool}>
            <h2>
              {pool}{" "}
              <span class="note">
                {active} of {active + dropped} targets active
              </span>
            </h2>
            <div class="scroll">
              <table>
                <thead>
                  <tr>
                    <th>Discovered labels</th>
                    <th>Target labels</th>
                  </tr>
                </thead>
                <tbody>
                  {targets.map(({ discoveredLabels, labels }) => (
                    <tr key={JSON.stringify(discoveredLabels)}>
                      <td>
                        <Pairs labels={discoveredLabels} />
                      </td>
                      <td>
                        {labels === undefined ? (
                          <span class="badge warn">dropped by relabelling</span>
                        ) : (
                          <Metric metric={labels} />
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </article>
        );
      })}
      {data !== undefined && pools.length === 0 && <p class="empty">No scrape configurations.</p>}
    </section>
  );
}

function Pairs({ labels }: { labels: Record<string, string> }) {
  return (
    <>
      {Object.entries(labels).map(([name, value]) => (
        <code key={name} class="pair">
          <span class="label">{name}</span>=<span class="string">"{value}"</span>
        </code>
      ))}
    </>
  );
}

interface Alertmanagers {
  activeAlertmanagers: { url: string }[];
  droppedAlertmanagers: { url: string }[];
}

export function AlertmanagersPage() {
  const { data, error } = useAnswer<Alertmanagers>("alertmanagers");
  return (
    <section>
      <h1>Alertmanager discovery</h1>
      <Failure error={error} />
      {(["activeAlertmanagers", "droppedAlertmanagers"] as const).map((list) => (
        <article key={list}>
          <h2>{list === "activeAlertmanagers" ? "Active" : "Dropped"} Alertmanagers</h2>
          {data?.[list].map(({ url }) => (
            <p key={url}>
              <code>{url}</code>
            </p>
          ))}
          {data?.[list].length === 0 && <p class="empty">None.</p>}
        </article>
      ))}
    </section>
  );
}
