import assert from 'node:assert/strict'
import type { BodySource } from '../../../src/protocols/body-source.ts'
import type { HttpPriority } from '../../../src/protocols/http-message.ts'
import type { Http3Transport, Http3TransportEvent } from '../../../src/protocols/http3/transport.ts'

/** What was asked of a transport. */
export type Command =
  | { readonly what: 'bytes'; readonly stream: number; readonly bytes: Uint8Array }
  | { readonly what: 'end'; readonly stream: number }
  | { readonly what: 'reset' | 'stop'; readonly stream: number; readonly code: number }
  | { readonly what: 'datagram'; readonly bytes: Uint8Array }
  | { readonly what: 'close'; readonly code: number; readonly reason: string }

interface Receiving {
  /** Bytes that were told and not consumed. */
  unconsumed: number
  isStopped: boolean
  isDone: boolean
}

/** QUIC's streams without QUIC: notes what is asked of it, and keeps account of what was consumed, as flow control would. */
export class MemoryTransport implements Http3Transport {
  readonly commands: Command[] = []
  readonly priorities = new Map<number, HttpPriority>()
  maxDatagramPayload = 1000
  /** How many more streams may be opened. */
  grantedBidirectional = 100
  grantedUnidirectional = 10
  /** What `buffered` answers, by stream. */
  readonly unsent = new Map<number, number>()
  isClosed = false
  private readonly receiving = new Map<number, Receiving>()
  private readonly sending = new Map<number, 'open' | 'ended' | 'reset'>()
  private next: [bidirectional: number, unidirectional: number]

  constructor(private readonly isServer: boolean) {
    this.next = isServer ? [1, 3] : [0, 2]
  }

  /** Bytes that were told, and neither consumed nor belong to a stream that was given up. */
  get unconsumed(): number {
    let sum = 0
    for (const { unconsumed, isStopped } of this.receiving.values()) if (!isStopped) sum += unconsumed
    return sum
  }

  /** To be called with every event that the endpoint is given. */
  noteEvent(event: Http3TransportEvent): void {
    if (event.type === 'stream-opened') this.open(event.stream)
    else if (event.type === 'stream-data') {
      const stream = this.receiving.get(event.stream)
      if (stream === undefined) assert.fail(`stream ${String(event.stream)} is not known`)
      if (!stream.isStopped) stream.unconsumed += event.bytes.length
      stream.isDone ||= event.fin
    } else if (event.type === 'stream-reset') {
      const stream = this.receiving.get(event.stream)
      if (stream) stream.isDone = true
    } else if (event.type === 'stop-sending') this.sending.set(event.stream, 'reset')
  }

  canOpenStream(bidirectional: boolean): boolean {
    return !this.isClosed && (bidirectional ? this.grantedBidirectional : this.grantedUnidirectional) > 0
  }

  openStream(bidirectional: boolean): number {
    assert.ok(this.canOpenStream(bidirectional), 'a stream is opened only where the peer grants one')
    if (bidirectional) this.grantedBidirectional--
    else this.grantedUnidirectional--
    const kind = bidirectional ? 0 : 1
    const stream = this.next[kind]
    this.next[kind] += 4
    this.open(stream)
    return stream
  }

  send(stream: number, bytes: Uint8Array): void {
    if (this.maySend(stream)) this.commands.push({ what: 'bytes', stream, bytes })
  }

  sendSource(stream: number, source: BodySource): void {
    for (let at = 0; at < source.length;) {
      const bytes = source.read(at, 1000)
      assert.ok(bytes.length > 0 && bytes.length <= 1000, 'a source gives something, and no more than was asked for')
      // What was lost is asked for again.
      const part = Math.ceil(bytes.length / 2)
      assert.deepEqual([...source.read(at, part).subarray(0, part)], [...bytes.subarray(0, source.read(at, part).length)])
      this.send(stream, bytes)
      at += bytes.length
    }
  }

  end(stream: number): void {
    if (!this.maySend(stream)) return
    this.sending.set(stream, 'ended')
    this.commands.push({ what: 'end', stream })
  }

  buffered(stream: number): number {
    return this.unsent.get(stream) ?? 0
  }

  reset(stream: number, code: number): void {
    if (this.isClosed || this.sending.get(stream) === 'reset') return
    this.sending.set(stream, 'reset')
    this.commands.push({ what: 'reset', stream, code })
  }

  stopSending(stream: number, code: number): void {
    const receiving = this.receiving.get(stream)
    if (receiving === undefined) assert.fail(`stream ${String(stream)} is not known`)
    if (this.isClosed || receiving.isDone || receiving.isStopped) return
    receiving.isStopped = true
    this.commands.push({ what: 'stop', stream, code })
  }

  consume(stream: number, bytes: number): void {
    const receiving = this.receiving.get(stream)
    if (receiving === undefined) assert.fail(`stream ${String(stream)} is not known`)
    if (bytes < 0) assert.fail(`${String(bytes)} bytes were consumed`)
    if (receiving.isStopped) return
    if (bytes > receiving.unconsumed) assert.fail(`more of stream ${String(stream)} was consumed than told`)
    receiving.unconsumed -= bytes
  }

  setPriority(stream: number, priority: HttpPriority): void {
    this.priorities.set(stream, priority)
  }

  sendDatagram(bytes: Uint8Array): void {
    assert.ok(bytes.length <= this.maxDatagramPayload, 'a datagram fits')
    this.commands.push({ what: 'datagram', bytes })
  }

  close(code: number, reason = ''): void {
    assert.ok(!this.isClosed, 'it is closed once')
    assert.match(reason, /^[\x20-\x7e]*$/)
    this.isClosed = true
    this.commands.push({ what: 'close', code, reason })
  }

  /** 0-RTT data were rejected. */
  forget(): void {
    this.receiving.clear()
    this.sending.clear()
    this.next = this.isServer ? [1, 3] : [0, 2]
    this.grantedBidirectional = 100
    this.grantedUnidirectional = 10
  }

  private open(stream: number): void {
    const isPeers = (stream & 1) === (this.isServer ? 0 : 1)
    const isBidirectional = (stream & 2) === 0
    if (isPeers || isBidirectional) this.receiving.set(stream, { unconsumed: 0, isStopped: false, isDone: false })
    if (!isPeers || isBidirectional) this.sending.set(stream, 'open')
  }

  private maySend(stream: number): boolean {
    const state = this.sending.get(stream)
    if (state === undefined || state === 'ended') assert.fail(`stream ${String(stream)} cannot be sent on`)
    return state === 'open' && !this.isClosed
  }
}
