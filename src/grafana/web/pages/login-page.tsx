/** Name and password. */
import { useState } from "preact/hooks";
import { postJson } from "../api.ts";
import { navigate } from "../router.ts";
import { Logo } from "../top-bar.tsx";

export function LoginPage({ onDone, isNeeded }: { onDone: () => Promise<void>; isNeeded: boolean }) {
  const [error, setError] = useState("");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    try {
      await postJson("/login", { user: form.get("user"), password: form.get("password") });
      navigate("/", true);
      await onDone();
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  return (
    <form class="login" onSubmit={submit}>
      <Logo />
      <h1>Percolate Topology</h1>
      <label>
        Username
        <input name="user" autocomplete="username" required />
      </label>
      <label>
        Password
        <input name="password" type="password" autocomplete="current-password" required />
      </label>
      {error !== "" && <div class="error">{error}</div>}
      <button type="submit" class="primary">
        Log in
      </button>
      {!isNeeded && (
        <a
          href="/"
          onClick={(event) => {
            event.preventDefault();
            navigate("/");
          }}
        >
          Look around without logging in
        </a>
      )}
    </form>
  );
}
