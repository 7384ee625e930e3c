/** The body is not in the format that its Content-Type promised. */
export class ExpositionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ExpositionError";
  }
}
