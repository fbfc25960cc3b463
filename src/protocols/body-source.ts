/** A body that is made when it is sent, so that it takes no memory while it waits for windows. */
export interface BodySource {
  /** In bytes. */
  readonly length: number
  /** At least one and at most `most` bytes at this offset; they must not change any more. Must not call the endpoint. */
  read: (offset: number, most: number) => Uint8Array
}
