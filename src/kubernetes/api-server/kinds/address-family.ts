/** 4 or 6 for the text of an IP address, 0 for anything else. */
export function addressFamily(text: string): 0 | 4 | 6 {
  if (/^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.|$)){4}$/.test(text) && !text.endsWith(".")) return 4;
  return isVersion6(text) ? 6 : 0;
}

function isVersion6(text: string): boolean {
  if (!text.includes(":")) return false;
  // An address of version 4 may stand for the last two groups.
  const [, head, tail] = /^(.*:)([^:]*\..*)$/.exec(text) ?? [];
  if (tail !== undefined) return addressFamily(tail) === 4 && isVersion6(`${head}0:0`);
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}
