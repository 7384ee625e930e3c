/** Names of subjects (RFC 5280, 4.1.2.4), read from certificates and requests and written as Go's `pkix.Name` writes them. */
import { derOid, derSequence, derSet, derText, derValue } from "./der.ts";
import { type DerElement, derElements, readOid, tagged } from "./der-reader.ts";

/** In the order in which Go writes them; what else a name has is left out. */
const ATTRIBUTES = {
  country: "2.5.4.6",
  organization: "2.5.4.10",
  organizationalUnit: "2.5.4.11",
  locality: "2.5.4.7",
  province: "2.5.4.8",
  street: "2.5.4.9",
  postalCode: "2.5.4.17",
  commonName: "2.5.4.3",
  serialNumber: "2.5.4.5",
};

/** Values by the dotted form of their attribute. */
export type DistinguishedName = ReadonlyMap<string, readonly string[]>;

export const commonNameOf = (name: DistinguishedName): string =>
  name.get(ATTRIBUTES.commonName)?.at(-1) ?? "";
export const organizationsOf = (name: DistinguishedName): readonly string[] =>
  name.get(ATTRIBUTES.organization) ?? [];

export function distinguishedName(
  values: Partial<Record<keyof typeof ATTRIBUTES, readonly string[]>>,
): DistinguishedName {
  return new Map(
    Object.entries(values).map(([key, list]) => [ATTRIBUTES[key as keyof typeof ATTRIBUTES], list]),
  );
}

/** @throws DerError */
export function readName(element: DerElement): DistinguishedName {
  const name = new Map<string, string[]>();
  for (const set of derElements(tagged(element, 0x30).content))
    for (const pair of derElements(tagged(set, 0x31).content)) {
      const [type, value] = derElements(tagged(pair, 0x30).content);
      const oid = readOid(tagged(type, 0x06));
      const text = textOf(tagged(value, value?.tag ?? 0));
      if (text !== undefined) name.set(oid, [...(name.get(oid) ?? []), text]);
    }
  return name;
}

/** All values of an attribute are one set. */
export function derName(name: DistinguishedName): Uint8Array {
  const sets = Object.values(ATTRIBUTES).flatMap((oid) => {
    const values = name.get(oid) ?? [];
    // Of a common name and a serial number there is one.
    const isSingle = oid === ATTRIBUTES.commonName || oid === ATTRIBUTES.serialNumber;
    const kept = (isSingle ? values.slice(-1) : values).filter((value) => !isSingle || value !== "");
    const pairs = kept.map((value) => derSequence(derOid(oid), derString(value)));
    return pairs.length === 0 ? [] : [derSet(...pairs.sort(Buffer.compare))];
  });
  return derSequence(...sets);
}

const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

/** A PrintableString where that suffices. */
function derString(value: string): Uint8Array {
  return PRINTABLE.test(value) ? derValue(0x13, Buffer.from(value, "latin1")) : derText(value);
}

/** UTF8String, PrintableString, T61String, IA5String, BMPString; other kinds of values are no text. */
function textOf({ tag, content }: DerElement): string | undefined {
  if (tag === 0x0c) return Buffer.from(content).toString("utf8");
  if (tag === 0x13 || tag === 0x14 || tag === 0x16) return Buffer.from(content).toString("latin1");
  if (tag === 0x1e)
    return Buffer.from(content.subarray(0, content.length & ~1))
      .swap16()
      .toString("utf16le");
  return undefined;
}
