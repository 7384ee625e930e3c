export function Failure({ error }: { error?: string }) {
  return error === undefined ? null : <p class="error">{error}</p>;
}
