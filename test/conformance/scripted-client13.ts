import { HASH_LENGTH } from '../../src/crypto/hash.ts'
import { offerKeyShare } from '../../src/crypto/key-exchange.ts'
import type { OfferedKeyShare } from '../../src/crypto/key-exchange.ts'
import type { TlsServerOptions } from '../../src/protocols/tls/options.ts'
import { TlsServer } from '../../src/protocols/tls/server.ts'
import { finishedData, KeySchedule, nextTrafficSecret } from '../../src/protocols/tls/tls13/key-schedule.ts'
import { Tls13Opener, Tls13Sealer } from '../../src/protocols/tls/tls13/record-protection.ts'
import { tls13SuiteByName } from '../../src/protocols/tls/tls13/suites.ts'
import type { Tls13Suite } from '../../src/protocols/tls/tls13/suites.ts'
import { Transcript } from '../../src/protocols/tls/tls13/transcript.ts'
import { encodeClientHello } from '../../src/wire/tls/client-hello.ts'
import type { ClientHello, ClientHelloExtensions } from '../../src/wire/tls/client-hello.ts'
import { ContentType, HandshakeType, NamedGroup, SignatureScheme } from '../../src/wire/tls/code-points.ts'
import { decodeServerHello, isHelloRetryRequest } from '../../src/wire/tls/server-hello.ts'
import { encodeFinished } from '../../src/wire/tls/small-messages.ts'
import { seeded, serverOptions } from '../protocols/tls/tls-pair.ts'
import { ScriptedPeer } from './scripted-peer.ts'

export function suiteNamed(name: string): Tls13Suite {
  const suite = tls13SuiteByName(name)
  if (suite === undefined) throw new Error(`no suite ${name}`)
  return suite
}

const SUITE = suiteNamed('TLS_AES_128_GCM_SHA256')

/** A client of TLS 1.3 that says whatever it is told to, face to face with a server of ours. */
export class ScriptedClient13 extends ScriptedPeer {
  private transcript = new Transcript()
  private schedule = new KeySchedule(SUITE.hash)
  private readonly shares = new Map<number, OfferedKeyShare>([
    [NamedGroup.x25519, offerKeyShare('x25519', seeded(11))],
    [NamedGroup.secp256r1, offerKeyShare('secp256r1', seeded(12))],
  ])
  private clientSecret: Uint8Array = new Uint8Array(0)
  private clientApplicationSecret: Uint8Array = new Uint8Array(0)
  private handshakeSecret: Uint8Array = new Uint8Array(0)

  constructor(wish: Partial<TlsServerOptions> = {}) {
    super(new TlsServer(serverOptions({ versions: ['1.3'], ...wish })))
  }

  /** One that has heard the server's flight, and speaks under the keys of the handshake. */
  static greeted(wish: Partial<TlsServerOptions> = {}, extensions: Partial<ClientHelloExtensions> = {}): ScriptedClient13 {
    const client = new ScriptedClient13(wish)
    client.greet(client.hello(extensions))
    return client
  }

  /** One that is through with the handshake. */
  static connected(wish: Partial<TlsServerOptions> = {}, extensions: Partial<ClientHelloExtensions> = {}): ScriptedClient13 {
    const client = ScriptedClient13.greeted(wish, extensions)
    client.finish()
    return client
  }

  /** A ClientHello as it should be, but for what is asked for. */
  hello(extensions: Partial<ClientHelloExtensions> = {}, head: Partial<ClientHello> = {}): Uint8Array {
    return encodeClientHello({
      version: 0x0303,
      random: seeded(13)(32),
      sessionId: new Uint8Array(0),
      cipherSuites: [SUITE.code],
      compressionMethods: [0],
      extensions: {
        serverName: 'bob',
        supportedGroups: [NamedGroup.x25519, NamedGroup.secp256r1],
        signatureAlgorithms: [SignatureScheme.ecdsa_secp256r1_sha256, SignatureScheme.rsa_pss_rsae_sha256],
        supportedVersions: [0x0304],
        keyShare: [this.share(NamedGroup.x25519)],
        pskKeyExchangeModes: [1],
        ...extensions,
      },
      ...head,
    })
  }

  share(group: number): { readonly group: number; readonly keyExchange: Uint8Array } {
    return { group, keyExchange: this.shares.get(group)?.share ?? new Uint8Array(32).fill(9) }
  }

  /** Says a ClientHello, in records of so many bytes, and takes in what the server answers. */
  greet(hello: Uint8Array = this.hello(), size = 16_384): void {
    this.transcript.add(hello)
    for (let at = 0; at < hello.length; at += size) this.plain(ContentType.handshake, hello.subarray(at, at + size))
    this.hear()
  }

  /** Says a message of the handshake, under whatever keys there are. */
  say(message: Uint8Array): void {
    this.transcript.add(message)
    this.sealed(ContentType.handshake, message)
  }

  /** The Finished that belongs here. */
  finished(): Uint8Array {
    return encodeFinished(finishedData(SUITE.hash, this.clientSecret, this.transcript.digest()))
  }

  /** Ends the handshake. */
  finish(): void {
    this.say(this.finished())
    this.useApplicationKeys()
    this.hear()
  }

  useApplicationKeys(): void {
    this.sealer = new Tls13Sealer(SUITE, this.clientApplicationSecret)
  }

  /** Changes our keys without a word. */
  renewKeys(): void {
    this.clientApplicationSecret = nextTrafficSecret(SUITE.hash, this.clientApplicationSecret)
    this.useApplicationKeys()
  }

  /** What a CertificateVerify of this client would sign. */
  digest(): Uint8Array {
    return this.transcript.digest()
  }

  protected override take(message: Uint8Array): void {
    if (message[0] === HandshakeType.server_hello) this.takeHello(message)
    else if (message[0] === HandshakeType.finished) this.takeFinished(message)
    else if (message[0] !== HandshakeType.new_session_ticket && message[0] !== HandshakeType.key_update)
      this.transcript.add(message)
  }

  private takeHello(message: Uint8Array): void {
    const { random, extensions } = decodeServerHello(message)
    this.transcript.begin(SUITE.hash)
    if (isHelloRetryRequest(random)) {
      this.transcript.condense()
      this.transcript.add(message)
      return
    }
    this.transcript.add(message)
    const { keyShare } = extensions
    const secret = keyShare && this.shares.get(keyShare.group)?.finish(keyShare.keyExchange)
    if (secret === undefined) throw new Error('a share that is none')
    this.schedule.advance(secret)
    this.clientSecret = this.schedule.derive('c hs traffic', this.transcript.digest())
    this.handshakeSecret = this.schedule.derive('s hs traffic', this.transcript.digest())
    this.opener = new Tls13Opener(SUITE, this.handshakeSecret)
    this.sealer = new Tls13Sealer(SUITE, this.clientSecret)
  }

  private takeFinished(message: Uint8Array): void {
    this.transcript.add(message)
    if (message.length !== 4 + HASH_LENGTH[SUITE.hash]) throw new Error('no Finished')
    this.schedule.advance()
    this.clientApplicationSecret = this.schedule.derive('c ap traffic', this.transcript.digest())
    this.opener = new Tls13Opener(SUITE, this.schedule.derive('s ap traffic', this.transcript.digest()))
  }
}
