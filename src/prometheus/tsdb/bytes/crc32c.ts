/** CRC-32 with the Castagnoli polynomial, which guards every part of the on-disk format. */

/** Eight tables of 256, so that eight bytes are taken per step ("slicing by 8"); in one array, which is faster. */
const TABLE = makeTable();
/** From this length on it pays to make a view that reads four bytes at a time. */
const VIEW_BYTES = 256;

/** @param seed the checksum of the bytes before, to go on from it */
export function crc32c(data: Uint8Array, start = 0, end = data.length, seed = 0): number {
  if (end - start < VIEW_BYTES) return ~byBytes(data, start, end, ~seed) >>> 0;
  const words = start + ((end - start) & ~7);
  return ~byBytes(data, words, end, byWords(data, start, words, ~seed)) >>> 0;
}

/** The bytes are a multiple of eight. */
function byWords(data: Uint8Array, start: number, end: number, before: number): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const table = TABLE;
  let crc = before;
  for (let i = start; i < end; i += 8) {
    const low = crc ^ view.getInt32(i, true);
    const high = view.getInt32(i + 4, true);
    crc =
      table[1792 + (low & 0xff)] ^
      table[1536 + ((low >>> 8) & 0xff)] ^
      table[1280 + ((low >>> 16) & 0xff)] ^
      table[1024 + (low >>> 24)] ^
      table[768 + (high & 0xff)] ^
      table[512 + ((high >>> 8) & 0xff)] ^
      table[256 + ((high >>> 16) & 0xff)] ^
      table[high >>> 24];
  }
  return crc;
}

function byBytes(data: Uint8Array, start: number, end: number, before: number): number {
  let crc = before;
  for (let i = start; i < end; i++) crc = TABLE[(crc ^ data[i]) & 0xff] ^ (crc >>> 8);
  return crc;
}

function makeTable(): Int32Array {
  const polynomial = 0x82f63b78;
  const table = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    table[byte] = crc;
  }
  for (let at = 256; at < table.length; at++) {
    const previous = table[at - 256];
    table[at] = table[previous & 0xff] ^ (previous >>> 8);
  }
  return table;
}
