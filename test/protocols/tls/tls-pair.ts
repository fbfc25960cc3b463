import { randomBytesFrom } from '../../../src/crypto/random-bytes.ts'
import type { RandomBytes } from '../../../src/crypto/random-bytes.ts'
import type { KeyType } from '../../../src/crypto/signature.ts'
import { randomStream } from '../../../src/kernel/random.ts'
import { TlsClient } from '../../../src/protocols/tls/client.ts'
import type { TlsEvent, TlsFault } from '../../../src/protocols/tls/event.ts'
import type { TlsClientOptions, TlsServerOptions } from '../../../src/protocols/tls/options.ts'
import { TlsServer } from '../../../src/protocols/tls/server.ts'
import type { TlsSession } from '../../../src/protocols/tls/session.ts'
import { createAuthority, issueCertificate } from '../../../src/protocols/x509/authority.ts'
import type { Authority } from '../../../src/protocols/x509/authority.ts'
import type { Credentials } from '../../../src/protocols/x509/credentials.ts'
import { verifyChain } from '../../../src/protocols/x509/verify-chain.ts'

// A client and a server face to face, with nothing between them but bytes.

export const SECOND = 1_000_000_000

/** Random bytes that are the same each time. */
export function seeded(seed: number): RandomBytes {
  return randomBytesFrom(randomStream(seed, 'tls test'))
}

let authority: Authority | undefined

/** The root that both sides trust. */
export function root(): Authority {
  authority ??= createAuthority({ random: seeded(7), key: 'ec-p256', commonName: 'Root' })
  return authority
}

const made = new Map<string, Credentials>()

/** A certificate for `bob`, or for a client `alice`, and its key; made once for each kind. */
export function credentialsOf(key: KeyType = 'ec-p256', purpose: 'server' | 'client' = 'server'): Credentials {
  const kind = `${key} ${purpose}`
  let credentials = made.get(kind)
  if (credentials === undefined) {
    credentials = issueCertificate({
      random: seeded(8),
      key,
      issuer: root(),
      names: [purpose === 'server' ? 'bob' : 'alice'],
      purpose,
    })
    made.set(kind, credentials)
  }
  return credentials
}

export function clientOptions(wish: Partial<TlsClientOptions> = {}): TlsClientOptions {
  return {
    random: seeded(1),
    serverName: 'bob',
    verify: (chain, name) => verifyChain({ chain, name, roots: [root().certificate], now: 0, purpose: 'server' }),
    ...wish,
  }
}

export function serverOptions(wish: Partial<TlsServerOptions> = {}): TlsServerOptions {
  return {
    random: seeded(2),
    credentials: credentialsOf(),
    verify: (chain) => verifyChain({ chain, name: undefined, roots: [root().certificate], now: 0, purpose: 'client' }),
    ...wish,
  }
}

/** How bytes on the way are cut: how many of the next `available` ones come together. */
export type Cut = (available: number) => number

/** One end, and all that it has said. */
export class End {
  readonly events: TlsEvent[] = []
  readonly sent: Uint8Array[] = []
  private readonly wire: Uint8Array[] = []

  constructor(readonly tls: TlsClient | TlsServer) {}

  /** Asks for all that there is to send and to tell. @returns what is to be sent */
  drain(now: number): void {
    for (let bytes = this.tls.pollTransmit(now); bytes !== undefined; bytes = this.tls.pollTransmit(now)) {
      this.sent.push(bytes)
      this.wire.push(bytes)
    }
    for (let event = this.tls.pollEvent(); event !== undefined; event = this.tls.pollEvent()) this.events.push(event)
  }

  /** What was sent since the last time. */
  taken(): Uint8Array {
    return concat(this.wire.splice(0))
  }

  all<Type extends TlsEvent['type']>(type: Type): Extract<TlsEvent, { type: Type }>[] {
    return this.events.filter((event): event is Extract<TlsEvent, { type: Type }> => event.type === type)
  }

  /** All application data so far. */
  get data(): Uint8Array {
    return concat(this.all('data').map(({ bytes }) => bytes))
  }

  get fault(): TlsFault | undefined {
    return this.all('closed')[0]?.error
  }

  get connected(): Extract<TlsEvent, { type: 'connected' }> | undefined {
    return this.all('connected')[0]
  }

  /** The last session to resume, if there is one. */
  get session(): TlsSession | undefined {
    return this.all('ticket').at(-1)?.session
  }

  /** Names of the messages in one direction. */
  messages(direction: 'sent' | 'received'): string[] {
    return this.all('message').flatMap((event) => (event.direction === direction ? [event.name] : []))
  }
}

export interface TlsPair {
  readonly client: End
  readonly server: End
}

export function pairOf(client: Partial<TlsClientOptions> = {}, server: Partial<TlsServerOptions> = {}): TlsPair {
  return {
    client: new End(new TlsClient(clientOptions(client))),
    server: new End(new TlsServer(serverOptions(server))),
  }
}

/** Lets both talk until neither has anything to say. */
export function talk({ client, server }: TlsPair, now = 0, cut: Cut = (available) => available): void {
  for (;;) {
    client.drain(now)
    server.drain(now)
    const toServer = client.taken()
    const toClient = server.taken()
    if (toServer.length === 0 && toClient.length === 0) return
    give(server, toServer, now, cut)
    give(client, toClient, now, cut)
  }
}

/** Hands bytes to one end, in pieces. */
export function give(end: End, bytes: Uint8Array, now = 0, cut: Cut = (available) => available): void {
  for (let at = 0; at < bytes.length;) {
    const length = Math.max(1, Math.min(bytes.length - at, cut(bytes.length - at)))
    // A copy, as whoever holds on to a view of a larger array must not see it change.
    end.tls.handle(bytes.slice(at, at + length), now)
    at += length
  }
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
