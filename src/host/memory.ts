/** What a connection takes besides its buffers, in bytes: about as much as in Linux, with its socket and its file. */
export const CONNECTION_MEMORY = 4096

/** A host's memory for connections, and for what waits in their buffers. */
export class Memory {
  /** In bytes; 0: enough. */
  limit = 0
  /** In bytes; kept only while there is a limit. */
  used = 0

  get isLimited(): boolean {
    return this.limit > 0
  }

  /** Whether there is no room for so many bytes more. */
  refuses(bytes: number): boolean {
    return this.limit > 0 && this.used + bytes > this.limit
  }
}
