import { randomBytesFrom } from '../../../src/crypto/random-bytes.ts'
import { randomStream } from '../../../src/kernel/random.ts'
import type { Endpoint } from '../../../src/protocols/endpoint.ts'
import { QuicClient } from '../../../src/protocols/quic/client.ts'
import { sameAddress, type EcnBits, type QuicDatagram, type SocketAddress } from '../../../src/protocols/quic/datagram.ts'
import type { QuicEvent } from '../../../src/protocols/quic/event.ts'
import type { QuicClientOptions, QuicServerOptions } from '../../../src/protocols/quic/options.ts'
import { QuicServer, type QuicServerEvent } from '../../../src/protocols/quic/server.ts'
import type { ServerConnection } from '../../../src/protocols/quic/server-connection.ts'
import { clientOptions, serverOptions } from '../tls/tls-pair.ts'

export const MS = 1_000_000
export const SECOND = 1_000_000_000

export const CLIENT: SocketAddress = { address: 0x0a00_0001, port: 5000 }
export const SERVER: SocketAddress = { address: 0x0a00_0002, port: 443 }

/** What both directions do to datagrams. Chances are in [0, 1]. */
export interface Network {
  /** One way, in nanoseconds. Default: 10 ms. */
  readonly delay?: number
  /** In bits a second. Default: without end. */
  readonly rate?: number
  readonly loss?: number
  readonly duplication?: number
  /** Chance of being late by up to 30 ms more. */
  readonly reordering?: number
  /** Chance of one flipped bit. */
  readonly corruption?: number
  /** Chance of CE on what was sent as ECT(0). */
  readonly marking?: number
  /** Largest UDP payload that gets through. Default: 65,527. */
  readonly mtu?: number
}

export type ClientWish = Partial<Omit<QuicClientOptions, 'tls'>> & { readonly tls?: Partial<QuicClientOptions['tls']> }
export type ServerWish = Partial<Omit<QuicServerOptions, 'tls'>> & { readonly tls?: Partial<QuicServerOptions['tls']> }

interface Happening {
  readonly at: number
  readonly run: () => void
}

/** A client and a server, with a network between them, on simulated time. */
export class QuicLab {
  now = 0
  network: Network
  client: QuicClient
  server: QuicServer
  readonly clientEvents: QuicEvent[] = []
  readonly serverEvents: QuicEvent[] = []
  /** What the server itself told. */
  readonly answers: QuicServerEvent[] = []
  /** The newest connection of the server. */
  connection: ServerConnection | undefined
  /** Datagrams that were sent, before anything happened to them. */
  readonly sent: { readonly at: number; readonly from: 'client' | 'server'; readonly datagram: QuicDatagram }[] = []
  /** Is told of each event, as soon as it is there. */
  onClient: (event: QuicEvent) => void = () => undefined
  onServer: (event: QuicEvent, connection: ServerConnection) => void = () => undefined
  /** As what the client's datagrams arrive at the server; changes what a NAT on the way makes of them. */
  translate: (address: SocketAddress) => SocketAddress = (address) => address
  /** Whether a datagram gets through at all. */
  filter: (from: 'client' | 'server', datagram: QuicDatagram) => boolean = () => true
  private generation = 0
  private readonly queue: Happening[] = []
  private readonly random
  private readonly free = { client: 0, server: 0 }
  private readonly armed = { client: Infinity, server: Infinity }

  constructor(
    client: ClientWish = {},
    server: ServerWish = {},
    network: Network = {},
    private readonly seed = 1,
  ) {
    this.network = network
    this.random = randomStream(seed, 'network')
    this.server = new QuicServer(serverWith(server, seed))
    this.client = new QuicClient(clientWith(client, seed))
  }

  /** Another client takes the first one's place, or another server. */
  replaceClient(wish: ClientWish = {}): void {
    this.client = new QuicClient(clientWith(wish, this.seed + 1000 * ++this.generation))
    this.clientEvents.length = 0
    this.serverEvents.length = 0
    this.armed.client = Infinity
  }

  replaceServer(wish: ServerWish = {}): void {
    this.server = new QuicServer(serverWith(wish, this.seed + 2000))
    this.armed.server = Infinity
  }

  /** Something is to be done later. */
  at(time: number, run: () => void): void {
    const { queue } = this
    let i = queue.length
    while (i > 0 && queue[i - 1].at > time) i--
    queue.splice(i, 0, { at: time, run })
  }

  /** Lets time pass until that is so, or the time is up. @returns whether it is so */
  run(until: () => boolean = () => false, limit = 60 * SECOND): boolean {
    const end = this.now + limit
    this.flush('client')
    this.flush('server')
    for (let steps = 0; !until(); steps++) {
      if (steps > 500_000) throw new Error(`no end of it at ${String(this.now)}`)
      const next = this.queue.at(0)
      if (next === undefined || next.at > end) {
        this.now = Math.max(this.now, end)
        return until()
      }
      this.queue.shift()
      this.now = Math.max(this.now, next.at)
      next.run()
    }
    return true
  }

  /** Until both have connected. */
  connect(): boolean {
    return this.run(() => this.client.isConfirmed && this.connection?.isConfirmed === true, 30 * SECOND)
  }

  /** Hands over what both have to send and to tell. */
  flush(who: 'client' | 'server'): void {
    const end: Endpoint<QuicDatagram, unknown> = who === 'client' ? this.client : this.server
    for (let isMore = true; isMore;) {
      isMore = who === 'client' ? this.drainClient() : this.drainServer()
      for (let datagram = end.pollTransmit(this.now); datagram !== undefined; datagram = end.pollTransmit(this.now)) {
        isMore = true
        this.carry(who, datagram)
      }
    }
    this.arm(who, end)
  }

  private drainClient(): boolean {
    let isAny = false
    for (let event = this.client.pollEvent(); event !== undefined; event = this.client.pollEvent()) {
      isAny = true
      this.clientEvents.push(event)
      this.onClient(event)
    }
    return isAny
  }

  private drainServer(): boolean {
    let isAny = false
    for (let event = this.server.pollEvent(); event !== undefined; event = this.server.pollEvent()) {
      isAny = true
      if (event.type === 'told') {
        this.serverEvents.push(event.event)
        this.onServer(event.event, event.connection)
        continue
      }
      this.answers.push(event)
      if (event.type === 'opened') this.connection = event.connection
    }
    return isAny
  }

  private arm(who: 'client' | 'server', end: Endpoint<QuicDatagram, unknown>): void {
    const deadline = end.pollTimeout()
    if (deadline === undefined || deadline >= this.armed[who]) return
    this.armed[who] = deadline
    this.at(Math.max(deadline, this.now), () => {
      if (this.armed[who] === deadline) this.armed[who] = Infinity
      end.handleTimeout(this.now)
      if (end === this.client || end === this.server) this.flush(who)
    })
  }

  private carry(who: 'client' | 'server', datagram: QuicDatagram): void {
    this.sent.push({ at: this.now, from: who, datagram })
    const {
      delay = 10 * MS,
      rate,
      loss = 0,
      duplication = 0,
      reordering = 0,
      corruption = 0,
      marking = 0,
      mtu = 65_527,
    } = this.network
    const { bytes } = datagram
    if (rate !== undefined) this.free[who] = Math.max(this.free[who], this.now) + ((bytes.length + 42) * 8e9) / rate
    if (this.random.next() < loss || bytes.length > mtu || !this.filter(who, datagram)) return
    const copies = this.random.next() < duplication ? 2 : 1
    for (let i = 0; i < copies; i++) {
      const late = this.random.next() < reordering ? this.random.below(30) * MS : 0
      const arriving = bytes.slice()
      if (this.random.next() < corruption) arriving[this.random.below(bytes.length)] ^= 1 << this.random.below(8)
      const ecn: EcnBits = datagram.ecn === 2 && this.random.next() < marking ? 3 : datagram.ecn
      const at = Math.round(Math.max(this.now, this.free[who]) + delay + late)
      this.at(at, () => {
        this.deliver(who, { ...datagram, bytes: arriving, ecn })
      })
    }
  }

  /** @param from who has sent it */
  deliver(from: 'client' | 'server', { local, remote, ecn, bytes }: QuicDatagram): void {
    if (from === 'client') {
      this.server.handle({ local: remote, remote: this.translate(local), ecn, bytes }, this.now)
      this.flush('server')
      return
    }
    const inner = this.insideOf(remote)
    if (inner === undefined) return
    this.client.handle({ local: inner, remote: local, ecn, bytes }, this.now)
    this.flush('client')
  }

  /** Which of the client's addresses a NAT has made that of; undefined: none any more. */
  private insideOf(outside: SocketAddress): SocketAddress | undefined {
    return [CLIENT, MOVED].find((address) => sameAddress(this.translate(address), outside))
  }

  /** All that the client was told, by type. */
  clientTold<Type extends QuicEvent['type']>(type: Type): Extract<QuicEvent, { type: Type }>[] {
    return this.clientEvents.filter((event): event is Extract<QuicEvent, { type: Type }> => event.type === type)
  }

  serverTold<Type extends QuicEvent['type']>(type: Type): Extract<QuicEvent, { type: Type }>[] {
    return this.serverEvents.filter((event): event is Extract<QuicEvent, { type: Type }> => event.type === type)
  }
}

/** Where the client goes when it moves. */
export const MOVED: SocketAddress = { address: 0x0a00_0009, port: 5555 }

export function clientWith({ tls = {}, ...wish }: ClientWish = {}, seed = 1): QuicClientOptions {
  const random = randomBytesFrom(randomStream(seed, 'client'))
  return {
    local: CLIENT,
    remote: SERVER,
    autoConsume: true,
    ...wish,
    tls: { ...clientOptions(), random, alpn: ['h3'], ...tls },
  }
}

export function serverWith({ tls = {}, ...wish }: ServerWish = {}, seed = 1): QuicServerOptions {
  const random = randomBytesFrom(randomStream(seed, 'server'))
  return { autoConsume: true, ...wish, tls: { ...serverOptions(), random, alpn: ['h3'], ...tls } }
}

/** Bytes that are no zeros: 1 to 251, over and over. */
export function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => 1 + (i % 251))
}

/** All bytes of a stream that were told, in one piece. */
export function bytesOn(events: readonly QuicEvent[], stream: number): Uint8Array {
  const parts = events.flatMap((event) => (event.type === 'stream-data' && event.stream === stream ? [event.bytes] : []))
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
