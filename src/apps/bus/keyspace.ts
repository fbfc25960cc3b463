import { wrongType } from './redis-reply.ts'
import { StreamValue } from './stream-value.ts'

export type RedisValue = Uint8Array | StreamValue

interface Held {
  value: RedisValue
  /** Milliseconds since 1970; 0: never. */
  expires: number
}

/** What a key takes besides its bytes: about as much as in Redis. */
const KEY_OVERHEAD = 64
const ENTRY_OVERHEAD = 16

/** Keys, one code unit a byte, and what they have; what has expired is not there. */
export class Keyspace {
  private readonly held = new Map<string, Held>()

  /** @param clock milliseconds since 1970 */
  constructor(private readonly clock: () => number) {}

  private find(key: string): Held | undefined {
    const held = this.held.get(key)
    if (held === undefined || held.expires === 0 || held.expires > this.clock()) return held
    this.held.delete(key)
    return undefined
  }

  get(key: string): RedisValue | undefined {
    return this.find(key)?.value
  }

  /** Throws CommandError when it is something else. */
  bytes(key: string): Uint8Array | undefined {
    const value = this.get(key)
    if (value instanceof StreamValue) throw wrongType()
    return value
  }

  /** Throws CommandError when it is something else. */
  stream(key: string): StreamValue | undefined {
    const value = this.get(key)
    if (value instanceof Uint8Array) throw wrongType()
    return value
  }

  /** @param expires milliseconds since 1970; 0: never; absent: as before */
  set(key: string, value: RedisValue, expires?: number): void {
    const held = this.find(key)
    if (held === undefined) this.held.set(key, { value, expires: expires ?? 0 })
    else {
      held.value = value
      if (expires !== undefined) held.expires = expires
    }
  }

  /** @returns whether it was there */
  delete(key: string): boolean {
    return this.find(key) !== undefined && this.held.delete(key)
  }

  /** Milliseconds since 1970; 0: never; undefined: there is no such key. */
  expiryOf(key: string): number | undefined {
    return this.find(key)?.expires
  }

  expire(key: string, at: number): void {
    const held = this.find(key)
    if (held !== undefined) held.expires = at
  }

  clear(): void {
    this.held.clear()
  }

  /** All keys, in the order in which they were made. */
  keys(): string[] {
    return [...this.held.keys()].filter((key) => this.find(key) !== undefined)
  }

  get size(): number {
    return this.keys().length
  }

  /** How many keys will expire. */
  get volatile(): number {
    return this.keys().filter((key) => this.expiryOf(key) !== 0).length
  }

  /** Bytes that all of it takes, about. */
  get memory(): number {
    let sum = 0
    for (const [key, { value }] of this.held) {
      const size = value instanceof StreamValue ? value.size + value.length * ENTRY_OVERHEAD : value.length
      sum += KEY_OVERHEAD + key.length + size
    }
    return sum
  }
}
