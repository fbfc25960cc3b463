/** Frames of a trace, as streams are put together from them. Numbers count from 1. */
export interface FrameSource {
  /** How many frames there are; more may come. */
  readonly frameCount: number
  /** Number of the oldest one whose bytes may still be there. */
  readonly firstKept: number
  /** Number of the conversation that a frame belongs to; 0: none. */
  connectionOf(frame: number): number
  /** The bytes of a frame as they left; undefined: they were let go. */
  bytesAsSent(frame: number): Uint8Array | undefined
  /** The bytes of a frame as they arrived. */
  bytes(frame: number): Uint8Array | undefined
  /** Secrets of TLS that hosts have logged, as lines of a key log; more may come. */
  readonly keyLog: readonly string[]
}
