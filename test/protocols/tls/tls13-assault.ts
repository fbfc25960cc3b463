import assert from 'node:assert/strict'
import type { TlsClientOptions, TlsServerOptions } from '../../../src/protocols/tls/options.ts'
import { TlsTickets } from '../../../src/protocols/tls/tickets.ts'
import type { Tls13ClientHandshake } from '../../../src/protocols/tls/tls13/client-handshake.ts'
import type { LevelMessage } from '../../../src/protocols/tls/tls13/core.ts'
import type { Tls13ServerHandshake } from '../../../src/protocols/tls/tls13/server-handshake.ts'
import { AlertDescription } from '../../../src/wire/tls/alert.ts'
import { Mutation } from './mutation.ts'
import { alertOf, clientCore, CorePair, messageName, serverCore } from './tls13-cores.ts'
import type { Role } from './tls13-cores.ts'
import { credentialsOf, seeded } from './tls-pair.ts'

// Messages that are nearly right, in every state of either handshake: none makes it throw anything but an alert that exists.

const NOW = 1_000_000_000
/** Signatures in certificates are not what is tested here. */
const UNVERIFIED = { verify: undefined } as object

/** A handshake that can be had again up to any of its messages, as both ends draw the same random bytes each time. */
export class Script {
  readonly toServer: LevelMessage[] = []
  readonly toClient: LevelMessage[] = []

  constructor(
    private readonly client: () => Partial<TlsClientOptions>,
    private readonly server: () => Partial<TlsServerOptions>,
  ) {
    const pair = this.pair()
    const refusal = pair.talk((message, _name, from) => {
      ;(from === 'client' ? this.toServer : this.toClient).push({ level: message.level, bytes: message.bytes.slice() })
      return [message]
    })
    assert.equal(refusal, undefined)
  }

  private pair(): CorePair {
    return new CorePair({ ...this.client(), ...UNVERIFIED }, this.server(), NOW)
  }

  /** One end alone, which has heard all before the `step`th message. */
  end(role: Role, step: number): Tls13ClientHandshake | Tls13ServerHandshake {
    const end = role === 'client' ? clientCore({ ...this.client(), ...UNVERIFIED }, NOW) : serverCore(this.server())
    for (const { level, bytes } of this.for(role).slice(0, step)) end.handleMessage(level, bytes.slice(), NOW)
    return end
  }

  for(role: Role): readonly LevelMessage[] {
    return role === 'client' ? this.toClient : this.toServer
  }
}

export const tickets = (): TlsTickets => new TlsTickets({ random: seeded(3) })
export const mutual = (): Partial<TlsClientOptions> => ({
  random: seeded(1),
  credentials: credentialsOf('ed25519', 'client'),
  alpn: ['h2'],
})
export const asking = (): Partial<TlsServerOptions> => ({
  random: seeded(2),
  clientAuthentication: 'wanted',
  tickets: tickets(),
  maxEarlyData: 100,
  alpn: ['h2'],
  verify: (chain) => ({ ok: true, path: chain }),
})

export function sessionOf(): NonNullable<TlsClientOptions['session']> {
  const pair = new CorePair({ random: seeded(1) }, { random: seeded(2), tickets: tickets(), maxEarlyData: 100 })
  pair.talk()
  const event = pair.events.client.find((event) => event.type === 'ticket')
  assert.ok(event?.type === 'ticket', 'there is a ticket')
  return event.session
}

/**
 * Feeds mutations of the `step`th message that an end hears, and some of the others. An end that refuses a message in a state has not
 * moved, so it is used again; when one was taken for right, the next begins anew.
 */
export function assault(script: Script, role: Role, step: number, count: number, seed: number, from = 4): number {
  const mutation = new Mutation(seed)
  const messages = script.for(role)
  const right = messages[step]
  let taken = 0
  let end: ReturnType<Script['end']> | undefined
  for (let i = 0; i < count; i++) {
    end ??= script.end(role, step)
    const current = end
    const { state } = current
    const other = mutation.below(20) === 0 ? messages[mutation.below(messages.length)] : right
    const bytes = mutation.message(other.bytes, from)
    if (bytes.length < 4) continue
    const refusal = alertOf(() => {
      current.handleMessage(right.level, bytes, NOW)
    })
    if (refusal !== undefined) {
      assert.ok(refusal.alert in AlertDescription, `an alert: ${refusal.alert}`)
      assert.equal(current.state, state, `${messageName(bytes)} was refused, and yet led on`)
    } else {
      taken++
      end = undefined
    }
  }
  return taken
}
