import { matchesGlob } from './glob-pattern.ts'

/** Who subscribes. */
export interface Subscriber {
  readonly channels: Set<string>
  readonly patterns: Set<string>
  /** @param pattern by which it came; undefined: by the channel's name. Names are one code unit a byte */
  published(channel: string, bytes: Uint8Array, pattern: string | undefined): void
}

type Kind = 'channels' | 'patterns'

/** Who wants to hear what is published on which channels. */
export class ChannelTable {
  private readonly table: Readonly<Record<Kind, Map<string, Set<Subscriber>>>> = { channels: new Map(), patterns: new Map() }

  add(kind: Kind, name: string, subscriber: Subscriber): void {
    const { [kind]: table } = this.table
    subscriber[kind].add(name)
    const known = table.get(name)
    if (known === undefined) table.set(name, new Set([subscriber]))
    else known.add(subscriber)
  }

  remove(kind: Kind, name: string, subscriber: Subscriber): void {
    const { [kind]: table } = this.table
    subscriber[kind].delete(name)
    const known = table.get(name)
    known?.delete(subscriber)
    if (known?.size === 0) table.delete(name)
  }

  removeAll(subscriber: Subscriber): void {
    for (const name of [...subscriber.channels]) this.remove('channels', name, subscriber)
    for (const name of [...subscriber.patterns]) this.remove('patterns', name, subscriber)
  }

  /** @returns how many have got it; who has subscribed twice, twice */
  publish(channel: string, bytes: Uint8Array): number {
    let count = 0
    for (const subscriber of [...(this.table.channels.get(channel) ?? [])]) {
      subscriber.published(channel, bytes, undefined)
      count++
    }
    for (const [pattern, subscribers] of this.table.patterns) {
      if (!matchesGlob(pattern, channel)) continue
      for (const subscriber of [...subscribers]) {
        subscriber.published(channel, bytes, pattern)
        count++
      }
    }
    return count
  }

  /** How many subscribe to a channel by its name. */
  countOf(channel: string): number {
    return this.table.channels.get(channel)?.size ?? 0
  }

  /** Channels that somebody subscribes to by name. */
  get channels(): readonly string[] {
    return [...this.table.channels.keys()]
  }

  /** How many patterns somebody subscribes to. */
  get patternCount(): number {
    return this.table.patterns.size
  }
}
