/** A configuration that cannot be used. Its message is what upstream prints behind `Error: `. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigError";
  }
}

/** A configuration that could be read and contradicts itself. */
export class InvalidConfigError extends ConfigError {
  /** What is wrong, without what `Error: ` is followed by when a Collector starts. */
  readonly problem: string;

  constructor(problem: string) {
    super(`invalid configuration: ${problem}`);
    this.problem = problem;
  }
}
