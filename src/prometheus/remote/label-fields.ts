/**
 * From the labels of a time series as remote write 1.0 sends them to the key by which the store knows a series, without
 * strings in between:
 *
 * ```
 * label   0x0a │ length <varint> │ 0x0a │ length <varint> name │ 0x12 │ length <varint> value
 * key                                   │ length <varint> name │      │ length <varint> value
 * ```
 */

const LABEL_TAG = 0x0a;
const NAME_TAG = 0x0a;
const VALUE_TAG = 0x12;
const METRIC_NAME_BYTES = new TextEncoder().encode("__name__");
const FIRST_CAPACITY = 1024;

export class LabelFields {
  /** Where the key is, from the start. */
  bytes = new Uint8Array(FIRST_CAPACITY);
  #length = 0;
  /** The OR of all bytes taken, and of the lengths: from 0x80 on, something is not ASCII or long. */
  #all = 0;

  /**
   * Makes the key of `source[start..end)`, whole label fields.
   *
   * @returns its length, or -1 when the labels are not of the usual form: ASCII names and values, none of them empty or
   * longer than 127 bytes, the names in order and different, a metric name among them. The general decoder is for these.
   */
  read(source: Uint8Array, start: number, end: number): number {
    if (this.bytes.length < end - start) this.bytes = new Uint8Array(2 * (end - start));
    this.#length = 0;
    this.#all = 0;
    let hasMetricName = false;
    let previous = -1;
    for (let at = start; at < end; ) {
      if (source[at] !== LABEL_TAG || source[at + 1] >= 0x80 || source[at + 2] !== NAME_TAG) return -1;
      const labelEnd = at + 2 + source[at + 1];
      if (labelEnd > end) return -1;
      const name = this.#length;
      const afterName = this.#take(source, at + 3, labelEnd);
      if (afterName < 0 || afterName >= labelEnd || source[afterName] !== VALUE_TAG) return -1;
      at = this.#take(source, afterName + 1, labelEnd);
      if (at !== labelEnd) return -1;
      if (previous >= 0 && !this.#isBefore(previous, name)) return -1;
      hasMetricName ||= this.#isMetricName(name);
      previous = name;
    }
    return hasMetricName && this.#all < 0x80 ? this.#length : -1;
  }

  /** Copies the string whose length is at `at`. @returns where it ends, or -1 when it is empty or beyond `limit` */
  #take(source: Uint8Array, at: number, limit: number): number {
    const end = at + 1 + source[at];
    if (end > limit || source[at] === 0) return -1;
    const { bytes } = this;
    let length = this.#length;
    let all = this.#all;
    for (let i = at; i < end; i++) {
      const byte = source[i];
      all |= byte;
      bytes[length++] = byte;
    }
    this.#all = all;
    this.#length = length;
    return end;
  }

  /** Whether the name at `a` of the key comes before the one at `b`. */
  #isBefore(a: number, b: number): boolean {
    const { bytes } = this;
    const common = Math.min(bytes[a], bytes[b]);
    for (let i = 1; i <= common; i++) {
      const difference = bytes[a + i] - bytes[b + i];
      if (difference !== 0) return difference < 0;
    }
    return bytes[a] < bytes[b];
  }

  #isMetricName(at: number): boolean {
    const { bytes } = this;
    if (bytes[at] !== METRIC_NAME_BYTES.length) return false;
    for (let i = 0; i < METRIC_NAME_BYTES.length; i++)
      if (bytes[at + 1 + i] !== METRIC_NAME_BYTES[i]) return false;
    return true;
  }
}
