import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TlsClient } from '../../src/protocols/tls/client.ts'
import type { RecordOpener, RecordSealer } from '../../src/protocols/tls/handshake.ts'
import type { TlsServer } from '../../src/protocols/tls/server.ts'
import { alertName } from '../../src/wire/tls/alert.ts'
import { ContentType } from '../../src/wire/tls/code-points.ts'
import { HandshakeBuffer } from '../../src/wire/tls/handshake.ts'
import { concat, End } from '../protocols/tls/tls-pair.ts'

/** A record, by its bytes; longer than TLS allows if need be. */
export function record(type: number, content: Uint8Array | readonly number[], version = 0x0303): Uint8Array {
  return Uint8Array.from([type, version >>> 8, version & 0xff, content.length >>> 8, content.length & 0xff, ...content])
}

/** Somebody who says anything at all to an end of ours, and writes down what it answers. */
export abstract class ScriptedPeer {
  readonly end: End
  /** Handshake messages that were heard. */
  readonly messages: Uint8Array[] = []
  /** Alerts that were heard: `'fatal decode_error'`. */
  readonly alerts: string[] = []
  /** Application data that was heard. */
  data: Uint8Array = new Uint8Array(0)
  protected opener: RecordOpener | undefined
  protected sealer: RecordSealer | undefined
  private buffer = new HandshakeBuffer()
  private now = 0

  constructor(tls: TlsClient | TlsServer) {
    this.end = new End(tls)
  }

  /** Says these bytes. */
  give(...parts: readonly Uint8Array[]): void {
    this.end.tls.handle(concat(parts), this.now)
    this.end.drain(this.now)
  }

  /** Says something in a record without protection. */
  plain(type: number, content: Uint8Array | readonly number[], version = 0x0303): void {
    this.give(record(type, content, version))
  }

  /** A record under the keys that are in use. */
  seal(type: number, content: Uint8Array | readonly number[]): Uint8Array {
    if (this.sealer === undefined) return record(type, content)
    return this.sealer.seal(type, Uint8Array.from(content))
  }

  /** Says something in a record under the keys that are in use. */
  sealed(type: number, content: Uint8Array | readonly number[]): void {
    this.give(this.seal(type, content))
  }

  /** Takes in what was answered. */
  hear(): void {
    this.end.drain(this.now)
    const bytes = this.end.taken()
    for (let at = 0; at < bytes.length;) {
      const next = at + 5 + ((bytes[at + 3] << 8) | bytes[at + 4])
      this.takeRecord(bytes.slice(at, next))
      at = next
    }
  }

  /** A handshake message was heard. */
  protected abstract take(message: Uint8Array): void

  /** A ChangeCipherSpec was heard. */
  protected takeChangeCipherSpec(): void {
    // In TLS 1.3 it means nothing.
  }

  private takeRecord(bytes: Uint8Array): void {
    if (bytes[0] === ContentType.change_cipher_spec) {
      this.takeChangeCipherSpec()
      return
    }
    const opened = this.opener === undefined ? undefined : this.opener.open(bytes)
    assert.ok(this.opener === undefined || opened, 'what is answered is under the right keys')
    const type = opened?.type ?? bytes[0]
    const content = opened?.plaintext ?? bytes.subarray(5)
    if (type === ContentType.alert) this.alerts.push(`${content[0] === 2 ? 'fatal' : 'warning'} ${String(alertName(content[1]))}`)
    if (type === ContentType.application_data) this.data = concat([this.data, content])
    if (type !== ContentType.handshake) return
    this.buffer.push(content)
    for (let message = this.buffer.next(); message !== undefined; message = this.buffer.next()) {
      this.messages.push(message)
      this.take(message)
    }
  }

  /**
   * How it stands: `'open'`, `'ended'` when the other end has taken our close_notify, or how the connection was closed: by which alert of the
   * other end (which has to have come through), or by ours.
   */
  verdict(): string {
    this.hear()
    const closed = this.end.all('closed').at(0)
    if (closed === undefined) return this.end.all('ended').length > 0 ? 'ended' : 'open'
    const { error } = closed
    if (error === undefined) return 'closed'
    if (error.noticedBy === 'peer' || error.alert === undefined) return `told ${String(error.alert)}`
    assert.equal(this.alerts.at(-1), `fatal ${error.alert}`, 'the alert came through')
    assert.match(error.cites, /^RFC \d+ (section|appendix) [\dA-Z]/)
    assert.ok(this.end.tls.isClosed, 'nothing goes on')
    return error.alert
  }
}

/** What is said, and how the other end takes it. */
export type Case<Peer> = readonly [verdict: string, script: (peer: Peer) => void]

/** A test for each of these, on a fresh peer each. */
export function judge<Peer extends ScriptedPeer>(make: () => Peer, cases: Readonly<Record<string, Case<Peer>>>): void {
  for (const [name, [expected, script]] of Object.entries(cases)) {
    test(`${name}: ${expected}`, () => {
      const peer = make()
      script(peer)
      assert.equal(peer.verdict(), expected)
    })
  }
}
