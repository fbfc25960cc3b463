import { handshakeMessageName, handshakeTypeName } from '../../../wire/tls/code-points.ts'
import type { PublicKey } from '../../../crypto/signature.ts'
import type { HandshakeTypeName } from '../../../wire/tls/code-points.ts'
import type { RawExtension } from '../../../wire/tls/extension-block.ts'
import type { TlsEvent, TlsParameters } from '../event.ts'
import { TlsAlertError } from '../fault.ts'
import { keyLogLine } from '../key-log.ts'
import type { KeySchedule } from './key-schedule.ts'
import type { Transitions } from './state.ts'
import type { Tls13Suite } from './suites.ts'
import { Transcript } from './transcript.ts'

/** Under which keys a message travels: RFC 9001 section 4. `'initial'`: none, as far as TLS is concerned. */
export type EncryptionLevel = 'initial' | 'early' | 'handshake' | 'application'

export interface LevelMessage {
  readonly level: EncryptionLevel
  /** A whole handshake message with its header. */
  readonly bytes: Uint8Array
}

/** The secret that the keys of one level and direction are made of. */
export interface TrafficSecret {
  readonly level: EncryptionLevel
  readonly direction: 'read' | 'write'
  readonly secret: Uint8Array
  readonly suite: Tls13Suite
}

/** What carries the handshake: records over a stream, or QUIC. */
export interface Tls13Carrier {
  /** Extensions of the carrier, for ClientHello and EncryptedExtensions: quic_transport_parameters. */
  readonly extensions: readonly RawExtension[]
  /** Whether early data end by a message; in QUIC they do not (RFC 9001 section 8.3). */
  readonly endOfEarlyData: boolean
}

export const OVER_RECORDS: Tls13Carrier = { extensions: [], endOfEarlyData: true }

/** At which level each message is at home; RFC 8446 section 2 draws it. */
const LEVELS: Readonly<Partial<Record<HandshakeTypeName, EncryptionLevel>>> = {
  client_hello: 'initial',
  server_hello: 'initial',
  end_of_early_data: 'early',
  encrypted_extensions: 'handshake',
  certificate_request: 'handshake',
  certificate: 'handshake',
  certificate_verify: 'handshake',
  finished: 'handshake',
  new_session_ticket: 'application',
}

/** What both ends' handshakes have in common: states, transcript, and what is to go out. */
export abstract class Tls13Core<State extends string> {
  /** Extensions of the carrier that the peer has sent. */
  peerExtensions: readonly RawExtension[] = []
  protected readonly transcript = new Transcript()
  protected clientRandom: Uint8Array = new Uint8Array(0)
  protected agreed: TlsParameters | undefined
  protected suite: Tls13Suite | undefined
  protected schedule: KeySchedule | undefined
  protected clientHandshakeSecret: Uint8Array = new Uint8Array(0)
  protected serverHandshakeSecret: Uint8Array = new Uint8Array(0)
  /** Of the peer's own certificate, once it is believed. */
  protected peerKey: PublicKey | undefined
  protected peerChain: readonly Uint8Array[] = []
  private readonly messages: LevelMessage[] = []
  private readonly secrets: TrafficSecret[] = []
  private readonly events: TlsEvent[] = []

  protected constructor(
    private current: State,
    private readonly transitions: Transitions<State>,
    private readonly keyLog: boolean,
  ) {}

  /** What is agreed on so far; undefined until the hellos are through. */
  get parameters(): TlsParameters | undefined {
    return this.agreed
  }

  get state(): State {
    return this.current
  }

  /** The next message to send, at its level. Messages of a level come before those of a later one. */
  pollMessage(): LevelMessage | undefined {
    return this.messages.shift()
  }

  /** The next secret that is known; keys for reading are there before anything can come under them. */
  pollSecret(): TrafficSecret | undefined {
    return this.secrets.shift()
  }

  pollEvent(): TlsEvent | undefined {
    return this.events.shift()
  }

  /** The type of a message that may come now, at this level. Throws TlsAlertError for any other. */
  protected expected(level: EncryptionLevel, message: Uint8Array): HandshakeTypeName {
    const type = handshakeTypeName(message[0])
    const isExpected = type !== undefined && this.transitions[this.current][type] !== undefined && LEVELS[type] === level
    if (!isExpected) {
      const detail = `${handshakeMessageName(message[0])} in the state ${this.current}`
      throw new TlsAlertError('unexpected_message', detail, 'RFC 8446 section 4')
    }
    return type
  }

  /** Goes to another state because of a message; the table must know the way. */
  protected enter(state: State, because: HandshakeTypeName): void {
    const ways = this.transitions[this.current][because]
    if (ways?.includes(state) !== true) throw new Error(`no way from ${this.current} to ${state} by ${because}`)
    this.current = state
  }

  /** Leaves the state in which nothing can come yet. */
  protected begin(state: State): void {
    this.current = state
  }

  /** Queues a message, and takes it into the transcript. */
  protected say(level: EncryptionLevel, bytes: Uint8Array): void {
    this.transcript.add(bytes)
    this.messages.push({ level, bytes })
  }

  /** Queues a message that is not part of the transcript. */
  protected sayAfterwards(bytes: Uint8Array): void {
    this.messages.push({ level: 'application', bytes })
  }

  /** @param label absent: the key log has it already */
  protected tellSecret(
    level: EncryptionLevel,
    direction: TrafficSecret['direction'],
    secret: Uint8Array,
    suite: Tls13Suite,
    label?: string,
  ): void {
    this.secrets.push({ level, direction, secret, suite })
    if (label !== undefined) this.log(label, secret)
  }

  protected log(label: string, secret: Uint8Array): void {
    if (this.keyLog) this.events.push({ type: 'secret', line: keyLogLine(label, this.clientRandom, secret) })
  }

  protected tell(event: TlsEvent): void {
    this.events.push(event)
  }
}

/** What CertificateVerify is a signature of: RFC 8446 section 4.4.3. */
export function signedContent(signer: 'client' | 'server', transcript: Uint8Array): Uint8Array {
  const context = `TLS 1.3, ${signer} CertificateVerify`
  const content = new Uint8Array(64 + context.length + 1 + transcript.length).fill(0x20, 0, 64)
  for (let i = 0; i < context.length; i++) content[64 + i] = context.charCodeAt(i)
  content.set(transcript, 64 + context.length + 1)
  return content
}
