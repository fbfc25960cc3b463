import type { OffsetMap } from './byte-stream.ts'

interface Entry {
  /** Where the plain bytes end that it carried. */
  readonly end: number
  readonly from: number
  readonly to: number
}

/** Which bytes of TCP carried which bytes of the stream above, record by record, in one direction. */
export class RecordMap implements OffsetMap {
  private entries: Entry[] = []
  /** How many of the entries are behind what was asked for. */
  private done = 0
  private plain = 0
  private carrier = 0

  /** The next `carrier` bytes of TCP carried the next `plain` bytes of the stream above; 0: none, but something else. */
  add(plain: number, carrier: number): void {
    const from = this.carrier
    this.carrier += carrier
    if (plain === 0) return
    this.plain += plain
    this.entries.push({ end: this.plain, from, to: this.carrier })
  }

  /** The next `plain` bytes of the stream above were in what TCP has carried already: nobody knew before that they would count. */
  addCarried(plain: number): void {
    this.plain += plain
    this.entries.push({ end: this.plain, from: 0, to: this.carrier })
  }

  /** As `add`, of what nobody will ask for. */
  skip(plain: number, carrier: number): void {
    this.plain += plain
    this.carrier += carrier
  }

  /** Forgets what lies before an offset of the stream above. */
  forget(before: number): void {
    const { entries } = this
    while (this.done < entries.length && entries[this.done].end <= before) this.done++
    if (this.done < 64 || this.done * 2 < entries.length) return
    this.entries = entries.slice(this.done)
    this.done = 0
  }

  carrierOf(from: number, to: number): readonly [number, number] {
    this.forget(from)
    const { entries, done } = this
    if (done >= entries.length) return [this.carrier, this.carrier]
    let last = done
    while (entries[last].end < to && last + 1 < entries.length) last++
    return [entries[done].from, entries[last].to]
  }
}
