import assert from 'node:assert/strict'
import { makeOffer } from '../../../src/protocols/tls/client-offer.ts'
import type { TlsEvent } from '../../../src/protocols/tls/event.ts'
import type { Handshake, RecordOpener, RecordSealer } from '../../../src/protocols/tls/handshake.ts'
import type { TlsClientOptions, TlsServerOptions } from '../../../src/protocols/tls/options.ts'
import { tlsSettings } from '../../../src/protocols/tls/settings.ts'
import { ClientHandshake12 } from '../../../src/protocols/tls/tls12/client-handshake.ts'
import { ServerHandshake12 } from '../../../src/protocols/tls/tls12/server-handshake.ts'
import { ContentType } from '../../../src/wire/tls/code-points.ts'
import { clientOptions, serverOptions } from './tls-pair.ts'

// Two handshakes of TLS 1.2 face to face, without a record layer but for its protection: what one says, the other is given.

/** What goes from one side to the other: a record, without its header unless it is protected. */
export interface Unit {
  readonly type: number
  readonly bytes: Uint8Array
}

export class Side {
  readonly events: TlsEvent[] = []
  readonly sent: Unit[] = []
  readonly warnings: string[] = []
  /** What it has taken, without protection. */
  readonly heard: Unit[] = []
  private sealer: RecordSealer | undefined
  private opener: RecordOpener | undefined

  constructor(readonly handshake: Handshake) {}

  /** Does what the handshake says, as the connection would. */
  collect(now = 0): void {
    for (let step = this.handshake.pollStep(now); step !== undefined; step = this.handshake.pollStep(now)) {
      if (step.type === 'send') this.send(ContentType.handshake, step.message)
      else if (step.type === 'send-change-cipher-spec') this.send(ContentType.change_cipher_spec, Uint8Array.of(1))
      else if (step.type === 'write-protection') this.sealer = step.seal
      else if (step.type === 'read-protection') this.opener = step.open
      else if (step.type === 'event') this.events.push(step.event)
      else if (step.type === 'warn') this.warnings.push(step.alert)
      else assert.equal(step.type, 'may-send')
    }
  }

  /** Takes what the other side has sent; throws what the handshake throws. */
  take(unit: Unit, now = 0): void {
    let { type, bytes } = unit
    if (this.opener !== undefined) {
      const opened = this.opener.open(bytes)
      assert.ok(opened, 'the record can be opened')
      type = opened.type
      bytes = opened.plaintext
    }
    this.heard.push({ type, bytes })
    if (type === ContentType.change_cipher_spec) this.handshake.handleChangeCipherSpec(now)
    else this.handshake.handleMessage(bytes, now)
    this.collect(now)
  }

  eventOf<Type extends TlsEvent['type']>(type: Type): Extract<TlsEvent, { type: Type }> | undefined {
    return this.events.find((event): event is Extract<TlsEvent, { type: Type }> => event.type === type)
  }

  /** Seals application data. */
  data(bytes: Uint8Array): Unit {
    assert.ok(this.sealer, 'the keys are there')
    return { type: ContentType.application_data, bytes: this.sealer.seal(ContentType.application_data, bytes) }
  }

  /** Opens application data. */
  read(unit: Unit): Uint8Array | undefined {
    return this.opener?.open(unit.bytes)?.plaintext
  }

  private send(type: number, bytes: Uint8Array): void {
    this.sent.push({ type, bytes: this.sealer === undefined ? bytes : this.sealer.seal(type, bytes) })
  }
}

export interface Pair {
  readonly client: Side
  readonly server: Side
}

export type ClientWish = Partial<TlsClientOptions>
export type ServerWish = Partial<TlsServerOptions>

/** Both sides, with the ClientHello said and not yet heard. */
export function pairOf(clientWish: ClientWish = {}, serverWish: ServerWish = {}, now = 0): Pair {
  const ofClient = clientOptions({ versions: ['1.2'], ...clientWish })
  const ofServer = serverOptions({ versions: ['1.2'], ...serverWish })
  const clientSettings = tlsSettings(ofClient)
  const offer = makeOffer(ofClient, clientSettings, now)
  const client = new Side(new ClientHandshake12(ofClient, clientSettings, offer))
  const server = new Side(new ServerHandshake12(ofServer, tlsSettings(ofServer)))
  client.sent.push({ type: ContentType.handshake, bytes: offer.message })
  return { client, server }
}

/** Lets them talk until both are silent, or `steps` units have been heard. @returns how many were */
export function talk({ client, server }: Pair, steps = Infinity, now = 0): number {
  let heard = 0
  while (heard < steps) {
    const toServer = client.sent.shift()
    const toClient = toServer === undefined ? server.sent.shift() : undefined
    if (toServer !== undefined) server.take(toServer, now)
    else if (toClient !== undefined) client.take(toClient, now)
    else break
    heard++
  }
  return heard
}
