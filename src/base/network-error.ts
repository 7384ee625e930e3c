/** In Go's words, which people know and search for. */
export function describeNetworkError(error: unknown): string {
  const { name, code, address, port, message, hostname } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
    hostname?: string;
  };
  if (name === "TimeoutError") return "context deadline exceeded";
  if (code === "ECONNREFUSED") return `dial tcp ${address}:${port}: connect: connection refused`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `dial tcp: lookup ${hostname}: no such host`;
  if (code === "ECONNRESET") return "read: connection reset by peer";
  return message;
}
