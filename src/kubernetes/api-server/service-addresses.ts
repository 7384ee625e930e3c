/** Which addresses Services may have. */
export interface ServiceAddresses {
  isServiceAddress(address: string): boolean;
  /** The nth address, from 0; undefined past the end. */
  serviceAddress(index: number): string | undefined;
}
