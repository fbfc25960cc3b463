import { DecodeError } from '../../../src/wire/errors.ts'
import { TlsDecodeError } from '../../../src/wire/tls/decode-error.ts'
import { handshakeMessageName, HandshakeType } from '../../../src/wire/tls/code-points.ts'
import { isHelloRetryRequest } from '../../../src/wire/tls/server-hello.ts'
import type { TlsEvent } from '../../../src/protocols/tls/event.ts'
import { TlsAlertError } from '../../../src/protocols/tls/fault.ts'
import type { TlsClientOptions, TlsServerOptions } from '../../../src/protocols/tls/options.ts'
import { tlsSettings } from '../../../src/protocols/tls/settings.ts'
import { Tls13ClientHandshake } from '../../../src/protocols/tls/tls13/client-handshake.ts'
import { OVER_RECORDS } from '../../../src/protocols/tls/tls13/core.ts'
import type { LevelMessage, Tls13Carrier, TrafficSecret } from '../../../src/protocols/tls/tls13/core.ts'
import { Tls13ServerHandshake } from '../../../src/protocols/tls/tls13/server-handshake.ts'
import { clientOptions, serverOptions } from './tls-pair.ts'

// The handshakes of TLS 1.3 face to face without any protection, so that every message can be read and changed on its way.

export type Role = 'client' | 'server'

/** Changes what goes by: gives what is to arrive in its place. */
export type Tamper = (message: LevelMessage, name: string, from: Role) => readonly LevelMessage[]

/** A client that has said its hello. */
export function clientCore(wish: Partial<TlsClientOptions>, now = 0, carrier = OVER_RECORDS): Tls13ClientHandshake {
  const options = clientOptions({ versions: ['1.3'], ...wish })
  const client = new Tls13ClientHandshake(options, tlsSettings(options), carrier)
  client.start(now)
  return client
}

export function serverCore(wish: Partial<TlsServerOptions>, carrier = OVER_RECORDS): Tls13ServerHandshake {
  const options = serverOptions({ versions: ['1.3'], ...wish })
  return new Tls13ServerHandshake(options, tlsSettings(options), carrier)
}

export class CorePair {
  readonly client: Tls13ClientHandshake
  readonly server: Tls13ServerHandshake
  readonly events: Record<Role, TlsEvent[]> = { client: [], server: [] }
  readonly secrets: Record<Role, TrafficSecret[]> = { client: [], server: [] }
  /** Names of all messages that were heard, with who said them. */
  readonly heard: string[] = []

  constructor(
    client: Partial<TlsClientOptions> = {},
    server: Partial<TlsServerOptions> = {},
    private readonly now = 0,
    carriers: Readonly<Record<Role, Tls13Carrier>> = { client: OVER_RECORDS, server: OVER_RECORDS },
  ) {
    this.client = clientCore(client, now, carriers.client)
    this.server = serverCore(server, carriers.server)
  }

  /** Lets them talk until both are silent. @returns the alert with which it ended, and who noticed */
  talk(tamper: Tamper = (message) => [message]): Refusal | undefined {
    for (;;) {
      const progress = this.pass('client', tamper) ?? this.pass('server', tamper)
      if (progress === undefined) return undefined
      if (progress !== 'heard') return progress
    }
  }

  private pass(from: Role, tamper: Tamper): Refusal | 'heard' | undefined {
    const to = from === 'client' ? 'server' : 'client'
    this.collect('client')
    this.collect('server')
    const message = this[from].pollMessage()
    if (message === undefined) return undefined
    const name = messageName(message.bytes)
    this.heard.push(`${from} ${name}`)
    for (const { level, bytes } of tamper(message, name, from)) {
      const alert = alertOf(() => {
        this[to].handleMessage(level, bytes, this.now)
      })
      if (alert !== undefined) return { by: to, ...alert }
    }
    this.collect(to)
    return 'heard'
  }

  private collect(role: Role): void {
    for (let event = this[role].pollEvent(); event !== undefined; event = this[role].pollEvent()) this.events[role].push(event)
    for (let secret = this[role].pollSecret(); secret !== undefined; secret = this[role].pollSecret())
      this.secrets[role].push(secret)
  }
}

export interface Refusal {
  readonly by: Role
  readonly alert: string
  readonly cites: string
}

/** The alert with which `action` is refused; undefined: it is not. Throws what no peer may cause. */
export function alertOf(action: () => void): { alert: string; cites: string } | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (error instanceof TlsAlertError || error instanceof TlsDecodeError) return { alert: error.alert, cites: error.cites }
    if (error instanceof DecodeError) throw new Error('a DecodeError without an alert', { cause: error })
    throw error
  }
}

export function messageName(bytes: Uint8Array): string {
  const isRetry = bytes[0] === HandshakeType.server_hello && isHelloRetryRequest(bytes.subarray(6))
  return isRetry ? 'HelloRetryRequest' : handshakeMessageName(bytes[0])
}
