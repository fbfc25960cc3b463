/**
 * Cryptography: how many bytes a second the ciphers protect and check, what a handshake is made of, and whole handshakes and records of
 * TLS with both ends in this process. By processor time, so that whatever else the machine does counts little.
 */
import { createAead, KEY_LENGTH, type AeadName } from '../../src/crypto/aead.ts'
import { hash } from '../../src/crypto/hash.ts'
import { answerKeyShare, offerKeyShare, type GroupName } from '../../src/crypto/key-exchange.ts'
import { randomBytesFrom } from '../../src/crypto/random-bytes.ts'
import { generateRsaKey } from '../../src/crypto/rsa-key.ts'
import { generateKey, publicKeyOf, schemesFor, sign, verify, type KeyType, type PrivateKey } from '../../src/crypto/signature.ts'
import { randomStream } from '../../src/kernel/random.ts'
import { TlsClient } from '../../src/protocols/tls/client.ts'
import type { TlsClientOptions, TlsOptions, TlsServerOptions } from '../../src/protocols/tls/options.ts'
import { TlsServer } from '../../src/protocols/tls/server.ts'
import type { TlsSession } from '../../src/protocols/tls/session.ts'
import { TlsTickets } from '../../src/protocols/tls/tickets.ts'
import { createAuthority, issueCertificate } from '../../src/protocols/x509/authority.ts'
import { verifyChain } from '../../src/protocols/x509/verify-chain.ts'
import { figuresOf, row } from './figures.ts'

const RUNS = Number(process.argv[3] ?? '5')
const random = randomBytesFrom(randomStream(1, 'bench'))

function processorSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Prints how many units a second an action does. One run is long enough to be measured, and the first does not count. */
function measure(name: string, unit: string, unitsPerAction: number, action: () => void): void {
  const secondsOfARun = 0.1
  let actions = 1
  const run = () => {
    const start = processorSeconds()
    for (let i = 0; i < actions; i++) action()
    return processorSeconds() - start
  }
  for (let seconds = run(); seconds < secondsOfARun; seconds = run()) {
    actions = Math.ceil(actions * Math.min(10, (1.2 * secondsOfARun) / Math.max(seconds, 1e-3)))
  }
  const rates = Array.from({ length: RUNS }, () => (actions * unitsPerAction) / run())
  console.log(row(name, figuresOf(rates), unit))
}

/** Prints how long an action takes that has never been done before in this process. */
function measureFirst(name: string, action: () => void): void {
  const start = processorSeconds()
  action()
  console.log(`${name.padEnd(44)} ${((processorSeconds() - start) * 1000).toFixed(1).padStart(8)} ms the first time`)
}

const GROUPS: readonly GroupName[] = ['x25519', 'secp256r1', 'X25519MLKEM768']
const KEY_TYPES: readonly KeyType[] = ['ec-p256', 'ed25519', 'rsa']

function exchange(group: GroupName): void {
  const offer = offerKeyShare(group, random)
  const answer = answerKeyShare(group, offer.share, random)
  if (answer === undefined || offer.finish(answer.share) === undefined) throw new Error('the key exchange failed')
}

function newKey(type: KeyType): PrivateKey {
  return type === 'rsa' ? generateRsaKey(2048, random) : generateKey(type, random)
}

for (const group of GROUPS) {
  measureFirst(`key exchange ${group}, both sides`, () => {
    exchange(group)
  })
}
for (const type of KEY_TYPES) {
  measureFirst(`key, signature and check ${type}`, () => {
    const key = newKey(type)
    const [scheme] = schemesFor(key)
    verify(scheme, publicKeyOf(key), random(64), sign(scheme, key, random(64), random))
  })
}

for (const name of Object.keys(KEY_LENGTH) as AeadName[]) {
  const aead = createAead(name, random(KEY_LENGTH[name]))
  const [nonce, aad] = [random(12), random(5)]
  for (const length of [16_384, 1_200]) {
    const plaintext = random(length)
    const sealed = aead.seal(nonce, aad, plaintext)
    measure(`${name}, seal ${String(length)} bytes`, 'bytes/s', length, () => {
      aead.seal(nonce, aad, plaintext)
    })
    measure(`${name}, open ${String(length)} bytes`, 'bytes/s', length, () => {
      if (aead.open(nonce, aad, sealed) === undefined) throw new Error('it does not open')
    })
  }
}
const message = random(16_384)
measure('sha256, 16384 bytes', 'bytes/s', message.length, () => {
  hash('sha256', message)
})

for (const group of GROUPS) {
  measure(`key exchange ${group}, both sides`, 'exchanges/s', 1, () => {
    exchange(group)
  })
}
for (const type of KEY_TYPES) {
  const key = newKey(type)
  const publicKey = publicKeyOf(key)
  for (const scheme of type === 'rsa' ? (['rsa_pss_rsae_sha256'] as const) : schemesFor(key)) {
    const signature = sign(scheme, key, message.subarray(0, 130), random)
    measure(`${scheme}, sign`, 'signatures/s', 1, () => {
      sign(scheme, key, message.subarray(0, 130), random)
    })
    measure(`${scheme}, verify`, 'checks/s', 1, () => {
      if (!verify(scheme, publicKey, message.subarray(0, 130), signature)) throw new Error('it does not fit')
    })
  }
  const root = createAuthority({ random, key: newKey(type), commonName: 'Root' })
  const issuer = createAuthority({ random, key: newKey(type), commonName: 'Intermediate', issuer: root })
  const { chain } = issueCertificate({ random, key, issuer, names: ['shop.example'] })
  const question = { chain, roots: [root.certificate], name: 'shop.example', now: 0, purpose: 'server' } as const
  measure(`chain of three, ${type}, verify`, 'chains/s', 1, () => {
    if (!verifyChain(question).ok) throw new Error('the chain is refused')
  })
}

/** Both ends of a TLS connection, with nothing between them. */
class TlsPair {
  readonly client: TlsClient
  readonly server: TlsServer
  session: TlsSession | undefined
  received = 0
  private connected = 0

  constructor(client: TlsClientOptions, server: TlsServerOptions) {
    this.client = new TlsClient(client)
    this.server = new TlsServer(server)
  }

  /** Lets both talk until neither has anything to say. */
  talk(): void {
    for (let moved = true; moved;)
      moved = [this.move(this.client, this.server), this.move(this.server, this.client)].includes(true)
    if (this.connected < 2) throw new Error('the handshake failed')
  }

  private move(from: TlsClient | TlsServer, to: TlsClient | TlsServer): boolean {
    let moved = false
    for (let bytes = from.pollTransmit(0); bytes !== undefined; bytes = from.pollTransmit(0)) {
      to.handle(bytes, 0)
      moved = true
    }
    for (let event = to.pollEvent(); event !== undefined; event = to.pollEvent()) {
      if (event.type === 'connected') this.connected++
      else if (event.type === 'ticket') this.session = event.session
      else if (event.type === 'data') this.received += event.bytes.length
    }
    return moved
  }
}

const root = createAuthority({ random, key: 'ec-p256', commonName: 'Root' })
const issuer = createAuthority({ random, key: 'ec-p256', commonName: 'Intermediate', issuer: root })
const ends = (cipherSuite: string, key: KeyType, more: Partial<TlsOptions> = {}): [TlsClientOptions, TlsServerOptions] => [
  {
    random,
    serverName: 'shop.example',
    cipherSuites: [cipherSuite],
    verify: (chain, name) => verifyChain({ chain, name, roots: [root.certificate], now: 0, purpose: 'server' }),
    ...more,
  },
  {
    random,
    credentials: issueCertificate({ random, key, issuer, names: ['shop.example'] }),
    tickets: new TlsTickets({ random }),
    ...more,
  },
]
const CHACHA = 'TLS_CHACHA20_POLY1305_SHA256'

function measureHandshakes(name: string, [client, server]: [TlsClientOptions, TlsServerOptions]): void {
  measure(name, 'handshakes/s', 1, () => {
    new TlsPair(client, server).talk()
  })
}

for (const key of KEY_TYPES) measureHandshakes(`TLS 1.3 handshake, ${key}, both sides`, ends(CHACHA, key))
measureHandshakes('TLS 1.3 handshake, X25519MLKEM768', ends(CHACHA, 'ec-p256', { groups: ['X25519MLKEM768'] }))
const old = 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'
measureHandshakes('TLS 1.2 handshake, ec-p256, both sides', ends(old, 'ec-p256', { versions: ['1.2'] }))
const [resuming, resumed] = ends(CHACHA, 'ec-p256')
const first = new TlsPair(resuming, resumed)
first.talk()
measure('TLS 1.3 handshake, resumed, both sides', 'handshakes/s', 1, () => {
  if (first.session === undefined) throw new Error('there is no ticket')
  new TlsPair({ ...resuming, session: first.session }, resumed).talk()
})

const megabyte = random(1_000_000)
for (const suite of [CHACHA, 'TLS_AES_128_GCM_SHA256']) {
  const pair = new TlsPair(...ends(suite, 'ec-p256'))
  pair.talk()
  measure(`records of ${suite}, sent and received`, 'bytes/s', megabyte.length, () => {
    const { received } = pair
    pair.client.send(megabyte)
    pair.talk()
    if (pair.received - received !== megabyte.length) throw new Error('bytes are missing')
  })
}
