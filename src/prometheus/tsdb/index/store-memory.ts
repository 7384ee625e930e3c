/**
 * Memory for what lives as long as the store (decision 0090): label keys, series, chunks, postings. It is shared memory,
 * which nobody shares, because the garbage collector does not count that. Ordinary buffers count towards its limits: a
 * store that grows would make it go over the whole heap again and again, and find nothing that it could give back.
 */
export function storeMemory(byteLength: number): SharedArrayBuffer {
  return new SharedArrayBuffer(byteLength);
}
