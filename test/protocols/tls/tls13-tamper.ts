import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import type { TlsClientOptions, TlsServerOptions } from '../../../src/protocols/tls/options.ts'
import type { TlsSession } from '../../../src/protocols/tls/session.ts'
import { decodeClientHello, encodeClientHello } from '../../../src/wire/tls/client-hello.ts'
import type { ClientHello, ClientHelloExtensions } from '../../../src/wire/tls/client-hello.ts'
import { decodeEncryptedExtensions, encodeEncryptedExtensions } from '../../../src/wire/tls/encrypted-extensions.ts'
import type { EncryptedExtensions } from '../../../src/wire/tls/encrypted-extensions.ts'
import { decodeServerHello, encodeServerHello } from '../../../src/wire/tls/server-hello.ts'
import type { ServerHello, ServerHelloExtensions } from '../../../src/wire/tls/server-hello.ts'
import { CorePair } from './tls13-cores.ts'
import type { Role, Tamper } from './tls13-cores.ts'
import { seeded } from './tls-pair.ts'

/** Changes one message, when it comes for the `count`th time. */
export function change(name: string, edit: (bytes: Uint8Array) => Uint8Array, count = 1): Tamper {
  let seen = 0
  return (message, itsName) => {
    if (itsName !== name || ++seen !== count) return [message]
    return [{ level: message.level, bytes: edit(message.bytes) }]
  }
}

export const clientHello = (edit: (hello: ClientHello) => Partial<ClientHello>, count = 1): Tamper =>
  change(
    'ClientHello',
    (bytes) => {
      const hello = decodeClientHello(bytes)
      return encodeClientHello({ ...hello, ...edit(hello) })
    },
    count,
  )

export const clientExtensions = (
  edit: (extensions: ClientHelloExtensions) => Partial<ClientHelloExtensions>,
  count = 1,
): Tamper => clientHello(({ extensions }) => ({ extensions: { ...extensions, ...edit(extensions) } }), count)

export const serverHello = (edit: (hello: ServerHello) => Partial<ServerHello>, name = 'ServerHello'): Tamper =>
  change(name, (bytes) => {
    const hello = decodeServerHello(bytes)
    return encodeServerHello({ ...hello, ...edit(hello) })
  })

export const serverExtensions = (
  edit: (extensions: ServerHelloExtensions) => Partial<ServerHelloExtensions>,
  name?: string,
): Tamper => serverHello(({ extensions }) => ({ extensions: { ...extensions, ...edit(extensions) } }), name)

export const encryptedExtensions = (edit: (extensions: EncryptedExtensions) => Partial<EncryptedExtensions>): Tamper =>
  change('EncryptedExtensions', (bytes) => {
    const extensions = decodeEncryptedExtensions(bytes)
    return encodeEncryptedExtensions({ ...extensions, ...edit(extensions) })
  })

/** The last byte is another one. */
export const flipLast = (bytes: Uint8Array): Uint8Array => {
  const copy = bytes.slice()
  copy[copy.length - 1] ^= 1
  return copy
}

/** A byte is missing at the end, and the length says so. */
export const shorten = (bytes: Uint8Array): Uint8Array => {
  const copy = bytes.slice(0, -1)
  const length = copy.length - 4
  copy[1] = length >>> 16
  copy[2] = length >>> 8
  copy[3] = length
  return copy
}

export const tickets = new TlsTickets({ random: seeded(3) })

export function sessionOf(client: Partial<TlsClientOptions> = {}, server: Partial<TlsServerOptions> = {}): TlsSession {
  const pair = new CorePair(client, { tickets, maxEarlyData: 100, ...server })
  assert.equal(pair.talk(), undefined)
  const event = pair.events.client.find((event) => event.type === 'ticket')
  assert.ok(event?.type === 'ticket', 'there is a ticket')
  return event.session
}

export interface Case {
  readonly says: string
  readonly alert: string
  readonly tamper: Tamper
  readonly client?: Partial<TlsClientOptions>
  readonly server?: Partial<TlsServerOptions>
  readonly resumes?: boolean
}

/** Holds an end against what it must refuse, by section of RFC 8446. */
export function refuses(by: Role, sections: Readonly<Record<string, readonly Case[]>>): void {
  describe(`RFC 8446: what a ${by} refuses`, () => {
    for (const [section, cases] of Object.entries(sections)) {
      for (const { says, alert, tamper, client = {}, server = {}, resumes = false } of cases) {
        test(`section ${section}: ${says}: ${alert}`, () => {
          const session = resumes ? { session: sessionOf() } : {}
          const pair = new CorePair({ ...client, ...session }, { tickets, ...server })
          const refusal = pair.talk(tamper)
          assert.equal(refusal?.alert, alert)
          assert.equal(refusal.by, by)
          assert.match(refusal.cites, /^RFC \d+ (section|appendix) [\dA-F]/)
        })
      }
    }
  })
}
