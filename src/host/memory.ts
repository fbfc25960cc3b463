/** What a connection takes besides its buffers, in bytes: about as much as in Linux, with its socket and its file. */
export const CONNECTION_MEMORY = 4096

/** A host's memory for connections, for what waits in their buffers, and for what applications keep. */
export class Memory {
  /** In bytes; 0: enough. */
  limit = 0
  /** Whether connections and their buffers are counted at all. */
  isCounted = false
  /** What connections take, with their buffers, in bytes; kept only while it is counted. */
  connections = 0
  /** What applications have claimed, in bytes. */
  claimed = 0
  /** How many connections applications hold, and what they need for each, in bytes. */
  held = 0
  perConnection = 0

  /** In bytes. */
  get used(): number {
    return this.connections + this.claimed + this.held * this.perConnection
  }

  /** Whether there is no room for so many bytes more. */
  refuses(bytes: number): boolean {
    return this.limit > 0 && this.used + bytes > this.limit
  }
}
