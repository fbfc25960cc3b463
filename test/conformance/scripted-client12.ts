import { hash } from '../../src/crypto/hash.ts'
import { offerKeyShare } from '../../src/crypto/key-exchange.ts'
import type { GroupName, OfferedKeyShare } from '../../src/crypto/key-exchange.ts'
import type { TlsServerOptions } from '../../src/protocols/tls/options.ts'
import { TlsServer } from '../../src/protocols/tls/server.ts'
import { tls12SuiteByCode } from '../../src/protocols/tls/tls12/cipher-suites.ts'
import type { Tls12Suite } from '../../src/protocols/tls/tls12/cipher-suites.ts'
import { extendedMasterSecret, recordKeys, verifyData } from '../../src/protocols/tls/tls12/key-schedule.ts'
import { Tls12Opener, Tls12Sealer } from '../../src/protocols/tls/tls12/record-protection.ts'
import { encodeClientHello } from '../../src/wire/tls/client-hello.ts'
import type { ClientHello, ClientHelloExtensions } from '../../src/wire/tls/client-hello.ts'
import { CipherSuite, ContentType, HandshakeType, NamedGroup, SignatureScheme } from '../../src/wire/tls/code-points.ts'
import { decodeServerKeyExchange, encodeClientKeyExchange } from '../../src/wire/tls/key-exchange.ts'
import { decodeServerHello } from '../../src/wire/tls/server-hello.ts'
import { encodeFinished } from '../../src/wire/tls/small-messages.ts'
import { concat, seeded, serverOptions } from '../protocols/tls/tls-pair.ts'
import { ScriptedPeer } from './scripted-peer.ts'

function suite12(code: number): Tls12Suite {
  const suite = tls12SuiteByCode(code)
  if (suite === undefined) throw new Error(`no suite ${String(code)}`)
  return suite
}

const SUITE = suite12(CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
const GROUPS = new Map<number, GroupName>([
  [NamedGroup.x25519, 'x25519'],
  [NamedGroup.secp256r1, 'secp256r1'],
])

/** A client of TLS 1.2 that says whatever it is told to, face to face with a server of ours. */
export class ScriptedClient12 extends ScriptedPeer {
  /** Everything that was said so far. */
  private said: Uint8Array[] = []
  private share: OfferedKeyShare | undefined
  private serverPoint: Uint8Array = new Uint8Array(0)
  private readonly random = seeded(31)(32)
  private serverRandom: Uint8Array = new Uint8Array(0)
  private master: Uint8Array = new Uint8Array(0)
  /** Whether it does what RFC 7627 says. */
  private keys: ReturnType<typeof recordKeys> | undefined

  constructor(wish: Partial<TlsServerOptions> = {}) {
    super(new TlsServer(serverOptions({ versions: ['1.2'], ...wish })))
  }

  /** One that has heard the server's flight. */
  static greeted(wish: Partial<TlsServerOptions> = {}): ScriptedClient12 {
    const client = new ScriptedClient12(wish)
    client.greet()
    return client
  }

  /** One that is through with the handshake. */
  static connected(wish: Partial<TlsServerOptions> = {}): ScriptedClient12 {
    const client = ScriptedClient12.greeted(wish)
    client.exchange()
    client.changeKeys()
    client.say(client.finished())
    client.hear()
    return client
  }

  hello(extensions: Partial<ClientHelloExtensions> = {}, head: Partial<ClientHello> = {}): Uint8Array {
    return encodeClientHello({
      version: 0x0303,
      random: this.random,
      sessionId: new Uint8Array(0),
      cipherSuites: [SUITE.code],
      compressionMethods: [0],
      extensions: {
        serverName: 'bob',
        extendedMasterSecret: true,
        renegotiationInfo: new Uint8Array(0),
        supportedGroups: [NamedGroup.x25519, NamedGroup.secp256r1],
        ecPointFormats: [0],
        signatureAlgorithms: [SignatureScheme.ecdsa_secp256r1_sha256, SignatureScheme.rsa_pss_rsae_sha256],
        ...extensions,
      },
      ...head,
    })
  }

  greet(hello: Uint8Array = this.hello()): void {
    this.say(hello)
    this.hear()
  }

  /** Says a message under whatever keys there are. */
  say(message: Uint8Array): void {
    this.said.push(message)
    this.sealed(ContentType.handshake, message)
  }

  /** Everything that was said so far, as a CertificateVerify signs it. */
  transcript(): Uint8Array {
    return concat(this.said)
  }

  keyExchange(): Uint8Array {
    if (this.share === undefined) throw new Error('no group yet')
    return encodeClientKeyExchange(this.share.share)
  }

  /** Says ClientKeyExchange, and makes the keys. */
  exchange(message = this.keyExchange()): void {
    this.say(message)
    const secret = this.share?.finish(this.serverPoint)
    if (secret === undefined) throw new Error('a share that is none')
    this.master = extendedMasterSecret(SUITE.hash, secret, hash(SUITE.hash, this.transcript()))
    this.keys = recordKeys(SUITE, this.master, this.random, this.serverRandom)
  }

  /** Says ChangeCipherSpec, and goes on under the new keys. */
  changeKeys(): void {
    this.plain(ContentType.change_cipher_spec, [1])
    this.useKeys()
  }

  useKeys(): void {
    if (this.keys === undefined) throw new Error('no keys yet')
    this.sealer = new Tls12Sealer(SUITE.aead, this.keys.client)
  }

  finished(): Uint8Array {
    return encodeFinished(verifyData(SUITE.hash, this.master, 'client', hash(SUITE.hash, this.transcript())))
  }

  protected override take(message: Uint8Array): void {
    this.said.push(message)
    if (message[0] === HandshakeType.server_hello) this.serverRandom = decodeServerHello(message).random
    if (message[0] !== HandshakeType.server_key_exchange) return
    const { group, point } = decodeServerKeyExchange(message)
    this.share = offerKeyShare(GROUPS.get(group) ?? 'x25519', seeded(32))
    this.serverPoint = point
  }

  protected override takeChangeCipherSpec(): void {
    if (this.keys !== undefined) this.opener = new Tls12Opener(SUITE.aead, this.keys.server)
  }
}
