import { answerKeyShare } from '../../src/crypto/key-exchange.ts'
import type { GroupName } from '../../src/crypto/key-exchange.ts'
import { sign } from '../../src/crypto/signature.ts'
import type { SignatureScheme as SchemeName } from '../../src/crypto/signature.ts'
import { TlsClient } from '../../src/protocols/tls/client.ts'
import type { TlsClientOptions } from '../../src/protocols/tls/options.ts'
import { signedContent } from '../../src/protocols/tls/tls13/core.ts'
import { finishedData, KeySchedule, nextTrafficSecret } from '../../src/protocols/tls/tls13/key-schedule.ts'
import { Tls13Opener, Tls13Sealer } from '../../src/protocols/tls/tls13/record-protection.ts'
import { Transcript } from '../../src/protocols/tls/tls13/transcript.ts'
import type { Credentials } from '../../src/protocols/x509/credentials.ts'
import { encodeCertificate, encodeCertificateVerify } from '../../src/wire/tls/certificate.ts'
import { decodeClientHello } from '../../src/wire/tls/client-hello.ts'
import type { ClientHello } from '../../src/wire/tls/client-hello.ts'
import { ContentType, HandshakeType, NamedGroup, SignatureScheme } from '../../src/wire/tls/code-points.ts'
import { encodeEncryptedExtensions } from '../../src/wire/tls/encrypted-extensions.ts'
import type { EncryptedExtensions } from '../../src/wire/tls/encrypted-extensions.ts'
import { encodeServerHello, HELLO_RETRY_REQUEST_RANDOM } from '../../src/wire/tls/server-hello.ts'
import type { ServerHello, ServerHelloExtensions } from '../../src/wire/tls/server-hello.ts'
import { encodeFinished } from '../../src/wire/tls/small-messages.ts'
import { clientOptions, credentialsOf, seeded } from '../protocols/tls/tls-pair.ts'
import { suiteNamed } from './scripted-client13.ts'
import { ScriptedPeer } from './scripted-peer.ts'

const SUITE = suiteNamed('TLS_AES_128_GCM_SHA256')
const NOTHING = new Uint8Array(0)

/** A server of TLS 1.3 that says whatever it is told to, face to face with a client of ours that has said its hello. */
export class ScriptedServer13 extends ScriptedPeer {
  /** What the client has said, first and second. */
  readonly hellos: ClientHello[] = []
  private readonly transcript = new Transcript()
  private schedule: KeySchedule
  private serverSecret: Uint8Array = NOTHING
  private applicationSecret: Uint8Array = NOTHING
  private clientSecret: Uint8Array = NOTHING

  constructor(wish: Partial<TlsClientOptions> = {}) {
    super(
      new TlsClient(
        clientOptions({ versions: ['1.3'], cipherSuites: [SUITE.name], compatibilityMode: false, random: seeded(21), ...wish }),
      ),
    )
    const psk = wish.session?.secret
    this.schedule = new KeySchedule(SUITE.hash, psk)
    this.hear()
  }

  /** One that has said its hello: messages travel protected now. */
  static greeting(wish: Partial<TlsClientOptions> = {}): ScriptedServer13 {
    const server = new ScriptedServer13(wish)
    server.sayHello(server.hello())
    return server
  }

  /** One whose handshake is through. */
  static connected(wish: Partial<TlsClientOptions> = {}): ScriptedServer13 {
    const server = ScriptedServer13.greeting(wish)
    server.say(server.encryptedExtensions())
    server.say(server.certificate())
    server.say(server.certificateVerify())
    server.finish()
    return server
  }

  /** A ServerHello as it should be, but for what is asked for. */
  hello(extensions: Partial<ServerHelloExtensions> = {}, head: Partial<ServerHello> = {}): Uint8Array {
    return encodeServerHello({
      version: 0x0303,
      random: seeded(22)(32),
      sessionId: this.hellos[0].sessionId,
      cipherSuite: SUITE.code,
      compressionMethod: 0,
      extensions: { selectedVersion: 0x0304, keyShare: this.share(NamedGroup.x25519), ...extensions },
      ...head,
    })
  }

  /** A HelloRetryRequest. */
  retry(extensions: Partial<ServerHelloExtensions> = {}, head: Partial<ServerHello> = {}): Uint8Array {
    return this.hello(
      { keyShare: undefined, selectedGroup: NamedGroup.secp256r1, ...extensions },
      { random: HELLO_RETRY_REQUEST_RANDOM, ...head },
    )
  }

  share(group: number): { readonly group: number; readonly keyExchange: Uint8Array } {
    return { group, keyExchange: this.answer(group)?.share ?? new Uint8Array(32).fill(9) }
  }

  /** Says a ServerHello, and goes on under the keys that follow from it. */
  sayHello(message: Uint8Array, group: number = NamedGroup.x25519): void {
    this.transcript.begin(SUITE.hash)
    this.transcript.add(message)
    const answer = this.answer(group)
    if (answer === undefined) throw new Error('the client has no such share')
    this.schedule.advance(answer.secret)
    this.serverSecret = this.schedule.derive('s hs traffic', this.transcript.digest())
    this.clientSecret = this.schedule.derive('c hs traffic', this.transcript.digest())
    this.plain(ContentType.handshake, message)
    // What it answers now may be under either.
    this.sealer = new Tls13Sealer(SUITE, this.serverSecret)
    this.opener = new Tls13Opener(SUITE, this.clientSecret)
  }

  /** Says a HelloRetryRequest. */
  sayRetry(message: Uint8Array): void {
    this.transcript.begin(SUITE.hash)
    this.transcript.condense()
    this.transcript.add(message)
    this.plain(ContentType.handshake, message)
    this.hear()
  }

  /** Says a message under the keys that are in use. */
  say(message: Uint8Array): void {
    this.transcript.add(message)
    this.sealed(ContentType.handshake, message)
  }

  encryptedExtensions(extensions: EncryptedExtensions = {}): Uint8Array {
    return encodeEncryptedExtensions(extensions)
  }

  certificate({ chain }: Credentials = credentialsOf()): Uint8Array {
    return encodeCertificate({ requestContext: NOTHING, entries: chain.map((certificate) => ({ certificate, extensions: {} })) })
  }

  certificateVerify(scheme: SchemeName = 'ecdsa_secp256r1_sha256', { privateKey }: Credentials = credentialsOf()): Uint8Array {
    const signature = sign(scheme, privateKey, signedContent('server', this.transcript.digest()), seeded(23))
    return encodeCertificateVerify({ algorithm: SignatureScheme[scheme], signature })
  }

  finished(): Uint8Array {
    return encodeFinished(finishedData(SUITE.hash, this.serverSecret, this.transcript.digest()))
  }

  /** Says Finished, and goes on under the keys of application data. */
  finish(message = this.finished()): void {
    this.say(message)
    this.schedule.advance()
    const transcript = this.transcript.digest()
    this.applicationSecret = this.schedule.derive('s ap traffic', transcript)
    this.clientSecret = this.schedule.derive('c ap traffic', transcript)
    this.sealer = new Tls13Sealer(SUITE, this.applicationSecret)
    this.hear()
  }

  renewKeys(): void {
    this.applicationSecret = nextTrafficSecret(SUITE.hash, this.applicationSecret)
    this.sealer = new Tls13Sealer(SUITE, this.applicationSecret)
  }

  protected override take(message: Uint8Array): void {
    if (message[0] === HandshakeType.finished) this.opener = new Tls13Opener(SUITE, this.clientSecret)
    if (message[0] !== HandshakeType.client_hello) return
    this.transcript.add(message)
    this.hellos.push(decodeClientHello(message))
  }

  private answer(group: number): ReturnType<typeof answerKeyShare> {
    const name = (['x25519', 'secp256r1'] as const satisfies readonly GroupName[]).find((one) => NamedGroup[one] === group)
    const entry = this.hellos.at(-1)?.extensions.keyShare?.find((entry) => entry.group === group)
    return name && entry && answerKeyShare(name, entry.keyExchange, seeded(24))
  }
}
