/** Letters in the other case as Go's `strings` package has them: one for one, whatever stands around them. */

/** "ß" has no single capital letter and stays. */
export function upperCase(text: string): string {
  return mapped(text, (letter) => letter.toUpperCase());
}

export function lowerCase(text: string): string {
  return mapped(text, (letter) => letter.toLowerCase());
}

function mapped(text: string, convert: (letter: string) => string): string {
  // Without letters beyond ASCII there is nothing that one letter for one would do otherwise.
  if (Buffer.byteLength(text) === text.length) return convert(text);
  let out = "";
  for (const letter of text) {
    const [first, ...more] = convert(letter);
    out += more.length === 0 ? first : letter === "İ" ? "i" : letter;
  }
  return out;
}
