import type { Nanos } from '../endpoint.ts'

/** How far a peer may send, of a stream or of all together: RFC 9000 section 4. */
export class ReceiveWindow {
  /** What the peer was told, in bytes from the beginning. */
  limit: number
  /** How many bytes were used up. */
  private consumed = 0
  private updatedAt: Nanos = 0

  /**
   * @param size the window at first, in bytes
   * @param most as far as it grows by itself
   */
  constructor(
    private size: number,
    private readonly most: number,
  ) {
    this.limit = size
  }

  /** So many more bytes were used up. */
  consume(bytes: number): void {
    this.consumed += bytes
  }

  /** Whether the peer should be told of a new limit: it has used up half of its window. */
  get isDue(): boolean {
    return this.limit - this.consumed <= this.size / 2
  }

  /**
   * The limit to tell. A window that was used up by half within two round trips is too small for the path, and doubles (as Chromium does:
   * RFC 9000 section 4.2 leaves it to us).
   */
  update(now: Nanos, smoothedRtt: Nanos): number {
    if (this.size < this.most && this.updatedAt > 0 && now - this.updatedAt < 2 * smoothedRtt)
      this.size = Math.min(2 * this.size, this.most)
    this.updatedAt = now
    this.limit = Math.max(this.limit, this.consumed + this.size)
    return this.limit
  }

  /** Makes the window at least as large. */
  widen(size: number): void {
    this.size = Math.min(Math.max(size, this.size), this.most)
  }

  get windowSize(): number {
    return this.size
  }
}
