import { DecodeError } from '../wire/errors.ts'
import { decodeTransportParameters, type TransportParameters } from '../wire/quic/transport-parameters.ts'
import { decodeClientHello } from '../wire/tls/client-hello.ts'
import { ExtensionType, HandshakeType } from '../wire/tls/code-points.ts'
import { decodeEncryptedExtensions } from '../wire/tls/encrypted-extensions.ts'
import type { RawExtension } from '../wire/tls/extension-block.ts'
import { decodeHandshakeHeader, HANDSHAKE_HEADER_LENGTH } from '../wire/tls/handshake.ts'
import { decodeServerHello, isHelloRetryRequest } from '../wire/tls/server-hello.ts'
import type { Sender } from './http3-conversation.ts'
import { StreamGatherer } from './stream-gatherer.ts'

/** Encryption levels at which there are CRYPTO frames. */
export type CryptoLevel = 'initial' | 'handshake' | '1-rtt'

/** Most bytes of handshake messages of one end and level that are kept. */
const MOST = 1 << 18

/** A handshake message: [start, end) of the bytes of its end and level, header included. */
export interface QuicMessage {
  readonly start: number
  readonly end: number
}

/** What one end has sent in CRYPTO frames at one level. */
class CryptoHalf {
  readonly gatherer = new StreamGatherer()
  bytes = new Uint8Array(0)
  readonly messages: QuicMessage[] = []
}

/** The handshake of a connection of QUIC (RFC 9001 section 4), put together from CRYPTO frames. */
export class QuicHandshake {
  /** 32 bytes; undefined until the ClientHello was seen. */
  clientRandom: Uint8Array | undefined
  /** The suite that the server chose; undefined until then. */
  suite: number | undefined
  /** The application protocol that the server chose. */
  alpn: string | undefined
  /** Application protocols that the client offers. */
  offers: readonly string[] = []
  /** What the client and the server have said about themselves; undefined until then. */
  readonly parameters: [TransportParameters | undefined, TransportParameters | undefined] = [undefined, undefined]
  private readonly halves = new Map<string, CryptoHalf>()

  /** Takes in what a CRYPTO frame carries. */
  add(sender: Sender, level: CryptoLevel, offset: number, bytes: Uint8Array): void {
    const name = `${level} ${String(sender)}`
    let half = this.halves.get(name)
    if (half === undefined) {
      half = new CryptoHalf()
      this.halves.set(name, half)
    }
    const { gatherer } = half
    gatherer.add(offset, bytes, (next) => {
      this.push(half, sender, next)
    })
  }

  /** The messages of an end and level, in order. */
  messages(sender: Sender, level: CryptoLevel): readonly QuicMessage[] {
    return this.halves.get(`${level} ${String(sender)}`)?.messages ?? []
  }

  /** Bytes of a message. */
  read(sender: Sender, level: CryptoLevel, { start, end }: QuicMessage): Uint8Array {
    return (this.halves.get(`${level} ${String(sender)}`)?.bytes ?? new Uint8Array(0)).subarray(start, end)
  }

  private push(half: CryptoHalf, sender: Sender, content: Uint8Array): void {
    const { bytes: before, messages } = half
    if (before.length + content.length > MOST) return
    const bytes = new Uint8Array(before.length + content.length)
    bytes.set(before)
    bytes.set(content, before.length)
    half.bytes = bytes
    for (;;) {
      const start = messages.at(-1)?.end ?? 0
      const header = decodeHandshakeHeader(bytes, start, bytes.length)
      const end = start + HANDSHAKE_HEADER_LENGTH + (header?.length ?? 0)
      if (header === undefined || end > bytes.length) return
      messages.push({ start, end })
      try {
        this.take(header.type, sender, bytes.subarray(start, end))
      } catch (error) {
        // What cannot be read is shown as such, and says nothing.
        if (!(error instanceof DecodeError)) throw error
      }
    }
  }

  private take(type: number, sender: Sender, message: Uint8Array): void {
    switch (type) {
      case HandshakeType.client_hello: {
        if (sender !== 0) return
        const { random, extensions } = decodeClientHello(message)
        this.clientRandom = random.slice()
        this.offers = extensions.alpn ?? []
        this.takeParameters(sender, extensions.others)
        return
      }
      case HandshakeType.server_hello: {
        const { random, cipherSuite } = decodeServerHello(message)
        if (!isHelloRetryRequest(random)) this.suite = cipherSuite
        return
      }
      case HandshakeType.encrypted_extensions: {
        const { alpn, others } = decodeEncryptedExtensions(message)
        this.alpn = alpn?.[0]
        this.takeParameters(sender, others)
      }
    }
  }

  private takeParameters(sender: Sender, extensions: readonly RawExtension[] = []): void {
    const found = extensions.find(({ type }) => type === ExtensionType.quic_transport_parameters)
    if (found !== undefined) this.parameters[sender] = decodeTransportParameters(found.data, sender === 0 ? 'client' : 'server')
  }
}
