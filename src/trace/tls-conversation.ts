import { DecodeError } from '../wire/errors.ts'
import { ContentType, HandshakeType, ProtocolVersion } from '../wire/tls/code-points.ts'
import { decodeEncryptedExtensions } from '../wire/tls/encrypted-extensions.ts'
import { decodeHandshakeHeader, HANDSHAKE_HEADER_LENGTH } from '../wire/tls/handshake.ts'
import type { TlsVersionName } from '../wire/tls/handshake-layer.ts'
import { decodeInnerPlaintext, decodeRecordHeader, RECORD_HEADER_LENGTH } from '../wire/tls/record.ts'
import { decodeServerHello, isHelloRetryRequest } from '../wire/tls/server-hello.ts'
import type { FrameSource } from './frame-source.ts'
import type { TcpStream } from './tcp-stream.ts'
import { RecordKeys13, recordKeys12, suiteKeys, SUITES_13, UncertainKeys, type RecordKeys } from './tls-keys.ts'
import { hexOf, type SecretLabel, type TlsSecrets } from './tls-secrets.ts'

/** Which end of a connection sent something. */
export type Side = 0 | 1

/** A record of TLS in the stream of one end. */
export interface TlsRecord {
  /** Offsets in the stream of TCP: [start, end), header included. */
  readonly start: number
  readonly end: number
  /** A value of `ContentType`, as it stands in the header. */
  readonly outerType: number
  readonly isProtected: boolean
  /** By which it is decrypted; undefined: it is in the clear, or cannot be. */
  readonly keys: RecordKeys | undefined
  /** Its number under these keys, from 0. */
  readonly sequence: number
  /** What it holds, a value of `ContentType`; 0 when that cannot be told. */
  readonly type: number
  /** Where its content begins in the stream of handshake messages, or of application data, of that end; 0 for others. */
  readonly contentStart: number
  /** In bytes; 0 when it is not known. */
  readonly contentLength: number
  readonly version: TlsVersionName
  /** Why it cannot be read, if it should be readable. */
  readonly problem: string | undefined
}

/** A handshake message in the stream of those of one end: [start, end), header included. */
export interface TlsMessage {
  readonly start: number
  readonly end: number
  readonly type: number
}

/** Most bytes of handshake messages of one end that are kept. */
const HANDSHAKE_LIMIT = 1 << 18

/** How many decrypted records are remembered. */
const REMEMBERED = 32

/** What one end has sent. */
class TlsHalf {
  readonly records: TlsRecord[] = []
  /** Where the next record begins in the stream. */
  position = 0
  keys: RecordKeys | undefined
  sequence = 0
  /** Whether the keys are those of early data, of which it is not known when they end. */
  isEarly = false
  /** Whether from here on records are protected, be there keys or not. */
  isProtected = false
  /** Content of handshake records, as much as is kept. */
  handshake = new Uint8Array(0)
  readonly messages: TlsMessage[] = []
  applicationLength = 0
  /** Why no more records can be told apart. */
  failure: string | undefined
}

/** Is given application data as it is decrypted: of each end in its order, and of both in the order in which they were sent. */
export type DataListener = (side: Side, bytes: Uint8Array) => void

/**
 * The records of both ends of a connection, cut and decrypted as the streams of TCP grow, with the secrets that hosts have logged:
 * RFC 8446, and RFC 5246 with authenticated ciphers. What is kept of a record is where it lies and how it is decrypted, not its content.
 */
export class TlsConversation {
  private readonly halves: readonly [TlsHalf, TlsHalf] = [new TlsHalf(), new TlsHalf()]
  private client: Side = 0
  private clientRandom: Uint8Array = new Uint8Array(0)
  private serverRandom: Uint8Array = new Uint8Array(0)
  private suite = 0
  private keys12: readonly [RecordKeys, RecordKeys] | undefined
  version: TlsVersionName = undefined
  /** The protocol that was agreed on: RFC 7301; undefined while it is not known, or when there is none. */
  alpn: string | undefined
  private readonly contents = new Map<TlsRecord, Uint8Array>()

  constructor(
    private readonly streams: readonly [TcpStream | undefined, TcpStream | undefined],
    private readonly source: FrameSource,
    private readonly secrets: TlsSecrets,
    private readonly onData: DataListener,
  ) {}

  records(side: Side): readonly TlsRecord[] {
    return this.halves[side].records
  }

  messages(side: Side): readonly TlsMessage[] {
    return this.halves[side].messages
  }

  failure(side: Side): string | undefined {
    return this.halves[side].failure
  }

  /** Where the next record of an end begins, of which not all is there. */
  position(side: Side): number {
    return this.halves[side].position
  }

  /** Whether what an end sends next is protected. */
  isProtected(side: Side): boolean {
    return this.halves[side].isProtected
  }

  /** Bytes of application data that an end has sent so far. */
  applicationLength(side: Side): number {
    return this.halves[side].applicationLength
  }

  isClient(side: Side): boolean {
    return side === this.client
  }

  /** Handshake messages of one end, as a stream. */
  handshake(side: Side, start: number, end: number): Uint8Array | undefined {
    const { handshake } = this.halves[side]
    return end <= handshake.length ? handshake.subarray(start, end) : undefined
  }

  /** The stream of an end has grown. */
  advance(side: Side): void {
    const half = this.halves[side]
    const stream = this.streams[side]
    if (stream === undefined) return
    while (half.failure === undefined && stream.end - half.position >= RECORD_HEADER_LENGTH) {
      const head = stream.read(half.position, half.position + RECORD_HEADER_LENGTH, this.source)
      if (head === undefined) {
        half.failure = 'the trace has let go of packets before this one'
        return
      }
      try {
        const header = decodeRecordHeader(head, 0, head.length)
        if (header === undefined || half.position + RECORD_HEADER_LENGTH + header.length > stream.end) return
        const start = half.position
        half.position += RECORD_HEADER_LENGTH + header.length
        this.take(side, half, header.type, start, stream.read(start, half.position, this.source))
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        half.failure = error.message
      }
    }
  }

  /** The content of a record of which it can be told: its own bytes, or decrypted. `given` stands in for the record that was sent. */
  content(side: Side, record: TlsRecord, given?: Uint8Array): Uint8Array | undefined {
    const known = given === undefined ? this.contents.get(record) : undefined
    if (known !== undefined) return known
    const bytes = given ?? this.streams[side]?.read(record.start, record.end, this.source)
    if (bytes === undefined) return undefined
    const content = record.isProtected ? this.openWith(record.keys, record, bytes)?.content : bytes.subarray(RECORD_HEADER_LENGTH)
    if (content !== undefined && given === undefined) this.remember(record, content)
    return content
  }

  private remember(record: TlsRecord, content: Uint8Array): void {
    const { contents } = this
    if (contents.size >= REMEMBERED) {
      for (const oldest of contents.keys()) {
        contents.delete(oldest)
        break
      }
    }
    contents.set(record, content)
  }

  private openWith(
    keys: RecordKeys | undefined,
    { sequence, outerType, version }: Pick<TlsRecord, 'sequence' | 'outerType' | 'version'>,
    bytes: Uint8Array,
  ): { type: number; content: Uint8Array } | undefined {
    const opened = keys?.open(bytes, sequence)
    if (opened === undefined) return undefined
    if (version === '1.2') return { type: outerType, content: opened }
    try {
      return decodeInnerPlaintext(opened)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return undefined
    }
  }

  /** Takes in the next whole record of an end. */
  private take(side: Side, half: TlsHalf, outerType: number, start: number, bytes: Uint8Array | undefined): void {
    const end = half.position
    // TLS 1.3 keeps sending it in the clear, for the sake of middleboxes: RFC 8446 appendix D.4.
    const isClear = outerType === ContentType.change_cipher_spec && this.version !== '1.2'
    const looksProtected = half.isProtected && (this.version === '1.2' || outerType === ContentType.application_data)
    const isProtected = !isClear && (looksProtected || outerType === ContentType.application_data)
    const version = this.version ?? (isProtected ? '1.3' : undefined)
    let keys: RecordKeys | undefined
    let sequence = 0
    let read: { type: number; content: Uint8Array } | undefined
    let problem: string | undefined
    if (!isProtected) {
      read = bytes && { type: outerType, content: bytes.subarray(RECORD_HEADER_LENGTH) }
    } else if (bytes !== undefined) {
      if (this.version === undefined) this.startEarly(side, half, bytes)
      read = this.openNext(side, half, { outerType, version }, bytes)
      keys = half.keys
      // The sender has counted it, whatever became of its bytes.
      sequence = half.sequence++
      if (read === undefined && keys !== undefined) problem = 'does not decrypt: its tag does not match the bytes'
    }
    const type = read?.type ?? 0
    const isHandshake = type === ContentType.handshake
    const contentStart = isHandshake ? half.handshake.length : type === ContentType.application_data ? half.applicationLength : 0
    const contentLength = read?.content.length ?? 0
    half.records.push({
      ...{ start, end, outerType, isProtected, keys, sequence, type, contentStart, contentLength, version, problem },
    })
    if (read === undefined) return
    if (isHandshake) this.takeHandshake(side, half, read.content)
    else if (type === ContentType.application_data) {
      half.applicationLength += contentLength
      this.onData(side, read.content)
    } else if (type === ContentType.change_cipher_spec && this.version === '1.2') this.changeCipher(side, half)
  }

  /** Decrypts with the keys of the moment, or with those of the handshake where early data has come to an end unsaid. */
  private openNext(
    side: Side,
    half: TlsHalf,
    about: { outerType: number; version: TlsVersionName },
    bytes: Uint8Array,
  ): { type: number; content: Uint8Array } | undefined {
    const { sequence } = half
    const read = this.openWith(half.keys, { ...about, sequence }, bytes)
    if (read !== undefined || !half.isEarly || this.version !== '1.3') return read
    // The server did not want it: RFC 8446 section 4.2.10.
    const keys = this.keysOf('CLIENT_HANDSHAKE_TRAFFIC_SECRET')
    const later = this.openWith(keys, { ...about, sequence: 0 }, bytes)
    if (later !== undefined) this.change(this.halves[side], keys)
    return later
  }

  /** Protected bytes before a ServerHello are early data, with the suite of an earlier connection, which nobody says here. */
  private startEarly(side: Side, half: TlsHalf, bytes: Uint8Array): void {
    if (half.keys !== undefined || side !== this.client) return
    half.isProtected = true
    half.isEarly = true
    for (const suite of SUITES_13) {
      const keys = this.keysOf('CLIENT_EARLY_TRAFFIC_SECRET', suite)
      if (keys?.open(bytes, 0) === undefined) continue
      half.keys = keys
      return
    }
  }

  private keysOf(label: SecretLabel, suite = this.suite): RecordKeys | undefined {
    const keys = suiteKeys(suite)
    if (keys === undefined) return undefined
    const length = keys.hash === 'sha384' ? 48 : 32
    const secrets = this.secrets.find(label, hexOf(this.clientRandom)).filter((secret) => secret.length === length)
    const [only] = secrets
    if (only === undefined) return undefined
    if (secrets.length === 1) return new RecordKeys13(keys, only)
    return new UncertainKeys(secrets.map((secret) => new RecordKeys13(keys, secret)))
  }

  private change(half: TlsHalf, keys: RecordKeys | undefined): void {
    half.keys = keys
    half.sequence = 0
    half.isEarly = false
    half.isProtected = true
  }

  private takeHandshake(side: Side, half: TlsHalf, content: Uint8Array): void {
    const before = half.handshake
    if (before.length + content.length > HANDSHAKE_LIMIT) {
      half.failure = 'more handshake messages than are looked into'
      return
    }
    const all = new Uint8Array(before.length + content.length)
    all.set(before)
    all.set(content, before.length)
    half.handshake = all
    for (;;) {
      const start = half.messages.at(-1)?.end ?? 0
      const header = decodeHandshakeHeader(all, start, all.length)
      const end = start + HANDSHAKE_HEADER_LENGTH + (header?.length ?? 0)
      if (header === undefined || end > all.length) return
      half.messages.push({ start, end, type: header.type })
      this.takeMessage(side, half, header.type, all.subarray(start, end))
    }
  }

  private takeMessage(side: Side, half: TlsHalf, type: number, message: Uint8Array): void {
    const client = this.halves[this.client]
    switch (type) {
      case HandshakeType.client_hello:
        this.client = side
        this.clientRandom = message.slice(6, 38)
        return
      case HandshakeType.server_hello:
        this.takeServerHello(half, message)
        return
      case HandshakeType.encrypted_extensions:
        this.alpn = decodeEncryptedExtensions(message).alpn?.[0]
        return
      case HandshakeType.end_of_early_data:
        this.change(client, this.keysOf('CLIENT_HANDSHAKE_TRAFFIC_SECRET'))
        return
      case HandshakeType.finished:
        if (this.version !== '1.3') return
        this.change(half, this.keysOf(side === this.client ? 'CLIENT_TRAFFIC_SECRET_0' : 'SERVER_TRAFFIC_SECRET_0'))
        return
      case HandshakeType.key_update:
        if (this.version === '1.3') this.change(half, half.keys?.next())
    }
  }

  private takeServerHello(server: TlsHalf, message: Uint8Array): void {
    const { version, random, cipherSuite, extensions } = decodeServerHello(message)
    this.suite = cipherSuite
    if (isHelloRetryRequest(random)) return
    this.version = (extensions?.selectedVersion ?? version) === ProtocolVersion.TLS1_3 ? '1.3' : '1.2'
    this.serverRandom = random.slice()
    if (this.version === '1.2') {
      this.alpn = extensions?.alpn?.[0]
      return
    }
    this.change(server, this.keysOf('SERVER_HANDSHAKE_TRAFFIC_SECRET'))
    const client = this.halves[this.client]
    if (!client.isEarly) this.change(client, this.keysOf('CLIENT_HANDSHAKE_TRAFFIC_SECRET'))
  }

  /** TLS 1.2: RFC 5246 section 7.1. */
  private changeCipher(side: Side, half: TlsHalf): void {
    const [master] = this.secrets.find('CLIENT_RANDOM', hexOf(this.clientRandom))
    const suite = suiteKeys(this.suite)
    if (master !== undefined && suite !== undefined)
      this.keys12 ??= recordKeys12(suite, master, this.clientRandom, this.serverRandom)
    this.change(half, this.keys12?.[side === this.client ? 0 : 1])
  }
}
