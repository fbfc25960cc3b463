import { createHash, hash } from '../../../crypto/hash.ts'
import type { Hash, HashName } from '../../../crypto/hash.ts'
import { HandshakeType } from '../../../wire/tls/code-points.ts'
import { encodeHandshake } from '../../../wire/tls/handshake.ts'

/** All handshake messages of a connection, hashed: RFC 8446 section 4.4.1. Until the hash is agreed on, the messages are kept. */
export class Transcript {
  private waiting: Uint8Array[] = []
  private running: Hash | undefined
  private name: HashName | undefined

  /** Appends a whole message. */
  add(message: Uint8Array): void {
    if (this.running === undefined) this.waiting.push(message)
    else this.running.update(message)
  }

  /** The hash is agreed on. */
  begin(name: HashName): void {
    if (this.name === name) return
    this.name = name
    this.running = createHash(name)
    for (const message of this.waiting) this.running.update(message)
    this.waiting = []
  }

  /** Puts a message with the hash in the place of all messages so far, as a HelloRetryRequest does with the first ClientHello. */
  condense(): void {
    if (this.name === undefined) throw new Error('the hash is not agreed on')
    const digest = this.digest()
    this.running = createHash(this.name).update(encodeHandshake(HandshakeType.message_hash, (writer) => writer.fixed(digest)))
  }

  /** The hash of all messages so far. */
  digest(): Uint8Array {
    if (this.running === undefined) throw new Error('the hash is not agreed on')
    return this.running.digest()
  }

  /** The hash of all messages so far and a part of the next one, for a binder. @param name used unless the hash is agreed on */
  digestWith(part: Uint8Array, name: HashName): Uint8Array {
    return this.running === undefined ? hash(name, part) : this.running.clone().update(part).digest()
  }
}
