import { WaitQueue } from './tasks.ts'

/** The files that a host's programs have open, of which each socket is one. */
export class Descriptors {
  /** 0: without limit. */
  limit = 0
  private used = 0
  /** Woken when there may be room again; made when somebody waits for that. */
  private freed: WaitQueue | undefined = undefined
  /** Whether somebody has found none left since there was room last. */
  private isEpisode = false

  /** How many are open. */
  get count(): number {
    return this.used
  }

  get areExhausted(): boolean {
    return this.limit > 0 && this.used >= this.limit
  }

  open(): void {
    this.used++
  }

  close(): void {
    this.used--
    this.consider()
  }

  /** There may be more room than before. */
  consider(): void {
    if (!this.isEpisode || this.areExhausted) return
    this.isEpisode = false
    this.freed?.wake()
  }

  /** Somebody wants one and there is none. @returns whether he is the first since there was room last */
  beginEpisode(): boolean {
    const isFirst = !this.isEpisode
    this.isEpisode = true
    return isFirst
  }

  /** What to wait for then. */
  get room(): WaitQueue {
    return (this.freed ??= new WaitQueue())
  }
}
