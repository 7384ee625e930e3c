/** Why the server does not start, with the exit code that upstream's ends with then. */
export class StartupError extends Error {
  readonly exitCode: number;
  /** What the log says besides. */
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(exitCode: number, message: string, fields: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = "StartupError";
    this.exitCode = exitCode;
    this.fields = fields;
  }
}
