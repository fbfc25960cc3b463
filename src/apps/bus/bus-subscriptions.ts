import { utf8Bytes } from '../../wire/asn1-text.ts'
import { byteText } from '../../wire/resp-buffer.ts'
import type { RespValue } from '../../wire/resp.ts'
import type { BusEvent } from './bus-event.ts'
import { busCommand, type BusLink, type BusLinkOwner } from './bus-link.ts'

type Kind = 'channels' | 'patterns'

const VERBS = {
  channels: { want: 'SUBSCRIBE', drop: 'UNSUBSCRIBE' },
  patterns: { want: 'PSUBSCRIBE', drop: 'PUNSUBSCRIBE' },
} as const

/** A name as it comes back, one code unit a byte. */
function travelled(name: string): string {
  return byteText(utf8Bytes(name))
}

/** The connection of a bus client on which it hears what is published. */
export class BusSubscriptions implements BusLinkOwner {
  private link: BusLink | undefined
  /** Names as they were given, by what they are on the way. */
  private readonly wanted: Readonly<Record<Kind, Map<string, string>>> = { channels: new Map(), patterns: new Map() }

  constructor(
    private readonly tell: (event: BusEvent) => void,
    private readonly makeLink: (owner: BusLinkOwner) => BusLink,
  ) {}

  want(kind: Kind, name: string): void {
    const key = travelled(name)
    if (this.wanted[kind].has(key)) return
    this.wanted[kind].set(key, name)
    this.link ??= this.makeLink(this)
    this.link.start()
    if (this.link.isOpen) this.link.send(busCommand([VERBS[kind].want, name]))
  }

  drop(kind: Kind, name: string): void {
    if (!this.wanted[kind].delete(travelled(name))) return
    if (this.link?.isOpen === true) this.link.send(busCommand([VERBS[kind].drop, name]))
  }

  /** Whether somebody is still there who will say what is published: silence would not tell. */
  probe(): void {
    if (this.link?.isOpen === true) this.link.send(busCommand(['PING']))
  }

  opened(): void {
    for (const kind of ['channels', 'patterns'] as const) {
      const names = [...this.wanted[kind].values()]
      if (names.length > 0) this.link?.send(busCommand([VERBS[kind].want, ...names]))
    }
  }

  received(value: RespValue): string | undefined {
    if (value.type === 'error') return `the bus refuses a subscription: ${value.value}`
    // The answer to a PING under RESP3.
    if (value.type === 'string') return undefined
    const items = value.type === 'push' || value.type === 'array' ? value.items : undefined
    const words = items?.map((item) => (item.type === 'bulk' ? item.value : undefined)) ?? []
    const [kind, first, second, third] = words
    switch (kind === undefined ? '' : byteText(kind)) {
      case 'message':
        return this.hear('channels', first, first, second)
      case 'pmessage':
        return this.hear('patterns', first, second, third)
      case 'subscribe':
      case 'psubscribe': {
        const name = first === undefined ? undefined : this.nameOf(first)
        if (name !== undefined) this.tell({ type: 'subscribed', channel: name })
        return undefined
      }
      case 'unsubscribe':
      case 'punsubscribe':
      case 'pong':
        return undefined
      default:
        return 'the bus says what no subscriber expects'
    }
  }

  private nameOf(bytes: Uint8Array): string | undefined {
    const key = byteText(bytes)
    return this.wanted.channels.get(key) ?? this.wanted.patterns.get(key)
  }

  /** @param by name of the subscription */
  private hear(
    kind: Kind,
    by: Uint8Array | undefined,
    channel: Uint8Array | undefined,
    bytes: Uint8Array | undefined,
  ): string | undefined {
    if (by === undefined || channel === undefined || bytes === undefined) return 'the bus passes on a message without its parts'
    const name = this.wanted[kind].get(byteText(by))
    // What was on its way when the subscription ended.
    if (name === undefined) return undefined
    const isPattern = kind === 'patterns'
    this.tell({
      type: 'message',
      channel: isPattern ? byteText(channel) : name,
      pattern: isPattern ? name : undefined,
      bytes: bytes.slice(),
    })
    return undefined
  }

  lost(detail: string): void {
    this.tell({ type: 'disconnected', detail })
  }

  close(): void {
    this.link?.close()
  }
}
