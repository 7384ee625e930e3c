/** All dashboards, to choose one. */
import { useEffect, useState } from "preact/hooks";
import { type DashboardHit, getJson } from "../api.ts";
import { TopBar } from "../top-bar.tsx";

export function DashboardList({ session }: { session: { login: string } }) {
  const [hits, setHits] = useState<DashboardHit[]>();
  const [text, setText] = useState("");
  useEffect(() => {
    document.title = "Dashboards · Percolate Topology";
    void getJson("/api/search?type=dash-db").then((found) => setHits(found as DashboardHit[]));
  }, []);
  const shown = (hits ?? []).filter(({ title, tags }) =>
    `${title} ${tags.join(" ")}`.toLowerCase().includes(text.toLowerCase()),
  );
  const folders = Map.groupBy(shown, ({ folderTitle }) => folderTitle ?? "General");
  return (
    <>
      <TopBar>
        <span class="grow" />
        {session.login === "" ? <a href="/login">Log in</a> : <a href="/logout">Log out {session.login}</a>}
      </TopBar>
      <main class="list">
        <h1>Dashboards</h1>
        <input
          class="search"
          type="search"
          placeholder="Search dashboards"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        {hits !== undefined && shown.length === 0 && <div class="muted">No dashboards found.</div>}
        {Array.from(folders, ([folder, members]) => (
          <section key={folder}>
            <h2>{folder}</h2>
            <div class="cards">
              {members.map(({ uid, url, title, tags }) => (
                <a class="card" href={url} key={uid}>
                  <div class="card-title">{title}</div>
                  <div class="tags">
                    {tags.map((tag) => (
                      <span class="tag" key={tag}>
                        {tag}
                      </span>
                    ))}
                  </div>
                </a>
              ))}
            </div>
          </section>
        ))}
      </main>
    </>
  );
}
