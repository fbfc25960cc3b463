import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { offerKeyShare } from '../../../src/crypto/key-exchange.ts'
import { verify } from '../../../src/crypto/signature.ts'
import type { SignatureScheme } from '../../../src/crypto/signature.ts'
import { checkVerify, receivedChain } from '../../../src/protocols/tls/tls13/authentication.ts'
import { checkChain } from '../../../src/protocols/tls/certificate-check.ts'
import { finishedData, KeySchedule, ticketPsk, trafficKeys } from '../../../src/protocols/tls/tls13/key-schedule.ts'
import { Tls13Opener, Tls13Sealer } from '../../../src/protocols/tls/tls13/record-protection.ts'
import type { Tls13Suite } from '../../../src/protocols/tls/tls13/suites.ts'
import { tls13SuiteByName } from '../../../src/protocols/tls/tls13/suites.ts'
import { Transcript } from '../../../src/protocols/tls/tls13/transcript.ts'
import { bindersLength, decodeClientHello } from '../../../src/wire/tls/client-hello.ts'
import { decodeCertificateRequest } from '../../../src/wire/tls/certificate-request.ts'
import { encodeNewSessionTicket } from '../../../src/wire/tls/session-ticket.ts'
import { ContentType } from '../../../src/wire/tls/code-points.ts'
import { HandshakeBuffer } from '../../../src/wire/tls/handshake.ts'
import { encodeFinished } from '../../../src/wire/tls/small-messages.ts'
import { decodeServerHello } from '../../../src/wire/tls/server-hello.ts'
import { CLIENT_AUTHENTICATED, COMPATIBLE, RESUMED, RETRIED, SIMPLE } from '../../vectors/rfc8448/traces.ts'
import { concat } from './tls-pair.ts'

function suiteOfTraces(): Tls13Suite {
  const suite = tls13SuiteByName('TLS_AES_128_GCM_SHA256')
  assert.ok(suite, 'the suite of all traces')
  return suite
}

const suite = suiteOfTraces()

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex')
}

function transcriptOf(...messages: readonly string[]): Transcript {
  const transcript = new Transcript()
  for (const message of messages) transcript.add(bytes(message))
  transcript.begin('sha256')
  return transcript
}

/** Under a secret, from its first record on, contents become these records, and these records those contents. */
function assertRecords(secret: string, records: readonly (readonly [type: number, content: Uint8Array, record: string])[]): void {
  const sealer = new Tls13Sealer(suite, bytes(secret))
  const opener = new Tls13Opener(suite, bytes(secret))
  for (const [type, content, record] of records) {
    assert.equal(hex(sealer.seal(type, content)), record)
    assert.deepEqual(opener.open(bytes(record)), { type, plaintext: content })
  }
}

describe('RFC 8448 section 3: a simple 1-RTT handshake', () => {
  const { clientHello, serverHello, encryptedExtensions, certificate, certificateVerify, serverFinished } = SIMPLE
  const hellos = transcriptOf(clientHello, serverHello)

  test('the key exchange', () => {
    const share = decodeServerHello(bytes(serverHello)).extensions.keyShare
    assert.ok(share, 'the server has a share')
    const offered = offerKeyShare('x25519', () => bytes(SIMPLE.clientPrivate))
    assert.deepEqual(decodeClientHello(bytes(clientHello)).extensions.keyShare?.[0].keyExchange, offered.share)
    assert.equal(hex(offered.finish(share.keyExchange) ?? new Uint8Array()), SIMPLE.shared)
  })

  test('every secret, and both Finished', () => {
    const schedule = new KeySchedule('sha256')
    schedule.advance(bytes(SIMPLE.shared))
    const client = schedule.derive('c hs traffic', hellos.digest())
    const server = schedule.derive('s hs traffic', hellos.digest())
    assert.equal(hex(client), SIMPLE.clientHandshakeSecret)
    assert.equal(hex(server), SIMPLE.serverHandshakeSecret)
    const transcript = transcriptOf(clientHello, serverHello, encryptedExtensions, certificate, certificateVerify)
    assert.equal(`14000020${hex(finishedData('sha256', server, transcript.digest()))}`, serverFinished)
    transcript.add(bytes(serverFinished))
    schedule.advance()
    assert.equal(hex(schedule.derive('c ap traffic', transcript.digest())), SIMPLE.clientSecret)
    assert.equal(hex(schedule.derive('s ap traffic', transcript.digest())), SIMPLE.serverSecret)
    assert.equal(hex(schedule.derive('exp master', transcript.digest())), SIMPLE.exporterSecret)
    assert.equal(`14000020${hex(finishedData('sha256', client, transcript.digest()))}`, SIMPLE.clientFinished)
    transcript.add(bytes(SIMPLE.clientFinished))
    const resumption = schedule.derive('res master', transcript.digest())
    assert.equal(hex(resumption), SIMPLE.resumptionSecret)
    assert.equal(hex(ticketPsk('sha256', resumption, Uint8Array.of(0, 0))), RESUMED.psk)
  })

  test('the signature in CertificateVerify', () => {
    const key = checkChain(receivedChain(bytes(certificate)), undefined, undefined)
    const transcript = transcriptOf(clientHello, serverHello, encryptedExtensions, certificate).digest()
    checkVerify(bytes(certificateVerify), 'server', ['rsa_pss_rsae_sha256'], key, transcript)
    assert.throws(() => {
      checkVerify(bytes(certificateVerify), 'client', ['rsa_pss_rsae_sha256'], key, transcript)
    }, /decrypt_error/)
    assert.equal(verify('rsa_pss_rsae_sha256', key, transcript, new Uint8Array(128)), false)
  })

  test('the key and the IV', () => {
    const keys = trafficKeys(suite, bytes(SIMPLE.clientSecret))
    assert.equal(hex(keys.key), SIMPLE.clientKey)
    assert.equal(hex(keys.iv), SIMPLE.clientIv)
  })

  test('every record, byte for byte, and opened again', () => {
    const flight = concat([encryptedExtensions, certificate, certificateVerify, serverFinished].map(bytes))
    const identity = decodeClientHello(bytes(RESUMED.clientHello)).extensions.preSharedKey?.identities[0].identity
    assert.ok(identity, 'the ticket, as it is used later')
    const ticket = encodeNewSessionTicket({
      lifetime: 30,
      ageAdd: RESUMED.ticketAgeAdd,
      nonce: Uint8Array.of(0, 0),
      ticket: identity,
      extensions: { maxEarlyDataSize: 1024 },
    })
    const data = Uint8Array.from({ length: 50 }, (_, i) => i)
    const { handshake, application_data: application, alert } = ContentType
    const closing = Uint8Array.of(1, 0)
    const directions: readonly (readonly [string, readonly (readonly [number, Uint8Array, string])[]])[] = [
      [SIMPLE.serverHandshakeSecret, [[handshake, flight, SIMPLE.serverFlightRecord]]],
      [SIMPLE.clientHandshakeSecret, [[handshake, bytes(SIMPLE.clientFinished), SIMPLE.clientFinishedRecord]]],
      [
        SIMPLE.clientSecret,
        [
          [application, data, SIMPLE.clientDataRecord],
          [alert, closing, SIMPLE.clientAlertRecord],
        ],
      ],
      [
        SIMPLE.serverSecret,
        [
          [handshake, ticket, SIMPLE.ticketRecord],
          [application, data, SIMPLE.serverDataRecord],
          [alert, closing, SIMPLE.serverAlertRecord],
        ],
      ],
    ]
    for (const [secret, records] of directions) assertRecords(secret, records)
  })
})

describe('RFC 8448 section 4: resumed, with early data', () => {
  const { clientHello, serverHello, encryptedExtensions, serverFinished, endOfEarlyData, clientFinished } = RESUMED

  test('the binder, and the secrets of early data', () => {
    const schedule = new KeySchedule('sha256', bytes(RESUMED.psk))
    const hello = bytes(clientHello)
    const binders = decodeClientHello(hello).extensions.preSharedKey?.binders ?? []
    const key = schedule.derive('res binder', transcriptOf().digest())
    const truncated = hello.subarray(0, hello.length - bindersLength(binders))
    const binder = finishedData('sha256', key, new Transcript().digestWith(truncated, 'sha256'))
    assert.equal(hex(binder), hex(binders[0]))
    const transcript = transcriptOf(clientHello)
    assert.equal(hex(schedule.derive('c e traffic', transcript.digest())), RESUMED.earlySecret)
    assert.equal(hex(schedule.derive('e exp master', transcript.digest())), RESUMED.earlyExporterSecret)
    const keys = trafficKeys(suite, bytes(RESUMED.earlySecret))
    assert.deepEqual([hex(keys.key), hex(keys.iv)], [RESUMED.earlyKey, RESUMED.earlyIv])
  })

  test('the key exchange, every later secret, and both Finished', () => {
    const { extensions } = decodeServerHello(bytes(serverHello))
    assert.equal(extensions.selectedIdentity, 0, 'the server takes the first identity')
    assert.ok(extensions.keyShare, 'the server has a share')
    const shared = offerKeyShare('x25519', () => bytes(RESUMED.clientPrivate)).finish(extensions.keyShare.keyExchange)
    assert.ok(shared, 'the exchange comes to something')
    assert.equal(hex(shared), RESUMED.shared)
    const schedule = new KeySchedule('sha256', bytes(RESUMED.psk))
    schedule.advance(shared)
    const transcript = transcriptOf(clientHello, serverHello)
    const client = schedule.derive('c hs traffic', transcript.digest())
    const server = schedule.derive('s hs traffic', transcript.digest())
    assert.equal(hex(client), RESUMED.clientHandshakeSecret)
    assert.equal(hex(server), RESUMED.serverHandshakeSecret)
    transcript.add(bytes(encryptedExtensions))
    assert.equal(`14000020${hex(finishedData('sha256', server, transcript.digest()))}`, serverFinished)
    transcript.add(bytes(serverFinished))
    schedule.advance()
    assert.equal(hex(schedule.derive('c ap traffic', transcript.digest())), RESUMED.clientSecret)
    assert.equal(hex(schedule.derive('s ap traffic', transcript.digest())), RESUMED.serverSecret)
    assert.equal(hex(schedule.derive('exp master', transcript.digest())), RESUMED.exporterSecret)
    transcript.add(bytes(endOfEarlyData))
    assert.equal(`14000020${hex(finishedData('sha256', client, transcript.digest()))}`, clientFinished)
    transcript.add(bytes(clientFinished))
    assert.equal(hex(schedule.derive('res master', transcript.digest())), RESUMED.resumptionSecret)
  })

  test('every record, byte for byte, and opened again', () => {
    const { handshake, application_data: application, alert } = ContentType
    const data = Uint8Array.from({ length: 50 }, (_, i) => i)
    const closing = Uint8Array.of(1, 0)
    assertRecords(RESUMED.earlySecret, [[application, bytes(Buffer.from('ABCDEF').toString('hex')), RESUMED.earlyRecord]])
    const flight = concat([encryptedExtensions, serverFinished].map(bytes))
    assertRecords(RESUMED.serverHandshakeSecret, [[handshake, flight, RESUMED.serverFlightRecord]])
    // EndOfEarlyData is the last thing under the early keys.
    assertRecords(RESUMED.earlySecret, [
      [application, bytes(Buffer.from('ABCDEF').toString('hex')), RESUMED.earlyRecord],
      [handshake, bytes(endOfEarlyData), RESUMED.endOfEarlyDataRecord],
    ])
    assertRecords(RESUMED.clientHandshakeSecret, [[handshake, bytes(clientFinished), RESUMED.clientFinishedRecord]])
    assertRecords(RESUMED.clientSecret, [
      [application, data, RESUMED.clientDataRecord],
      [alert, closing, RESUMED.clientAlertRecord],
    ])
    assertRecords(RESUMED.serverSecret, [
      [application, data, RESUMED.serverDataRecord],
      [alert, closing, RESUMED.serverAlertRecord],
    ])
  })
})

test('RFC 8448 section 5: a HelloRetryRequest, and all that follows', () => {
  const transcript = transcriptOf(RETRIED.firstHello)
  transcript.condense()
  for (const message of [RETRIED.retryRequest, RETRIED.secondHello, RETRIED.serverHello]) transcript.add(bytes(message))
  assert.equal(hex(transcript.digest()), RETRIED.transcript)
  const schedule = new KeySchedule('sha256')
  schedule.advance(bytes(RETRIED.shared))
  assert.equal(hex(schedule.derive('c hs traffic', transcript.digest())), RETRIED.clientHandshakeSecret)
  assert.equal(hex(schedule.derive('s hs traffic', transcript.digest())), RETRIED.serverHandshakeSecret)

  const { clientHandshakeSecret, serverHandshakeSecret, serverFlightRecord, clientFinishedRecord } = RETRIED
  follow(transcript, bytes(clientHandshakeSecret), bytes(serverHandshakeSecret), serverFlightRecord, clientFinishedRecord)
})

test('RFC 8448 section 6: client authentication', () => {
  const { clientHello, serverHello, certificateRequest, clientFlightRecord } = CLIENT_AUTHENTICATED
  const transcript = transcriptOf(clientHello, serverHello)
  const share = decodeServerHello(bytes(serverHello)).extensions.keyShare
  assert.ok(share, 'the server has a share')
  const schedule = new KeySchedule('sha256')
  schedule.advance(offerKeyShare('x25519', () => bytes(CLIENT_AUTHENTICATED.clientPrivate)).finish(share.keyExchange))
  const client = schedule.derive('c hs traffic', transcript.digest())
  const server = schedule.derive('s hs traffic', transcript.digest())
  const [encryptedExtensions, request, certificate, ...rest] = messagesOf(server, CLIENT_AUTHENTICATED.serverFlightRecord)
  transcript.add(encryptedExtensions)
  assert.equal(hex(request), certificateRequest)
  const { signatureAlgorithms } = decodeCertificateRequest(request).extensions
  assert.ok(signatureAlgorithms?.includes(0x0804), 'the client may sign by rsa_pss_rsae_sha256')
  transcript.add(request)
  followAuthentication(transcript, 'server', 'ecdsa_secp256r1_sha256', server, [certificate, ...rest])
  schedule.advance()
  const heard = transcript.digest()
  followAuthentication(transcript, 'client', 'rsa_pss_rsae_sha256', client, messagesOf(client, clientFlightRecord))
  const closing = Uint8Array.of(1, 0)
  const { alert } = ContentType
  assertRecords(hex(schedule.derive('c ap traffic', heard)), [[alert, closing, CLIENT_AUTHENTICATED.clientAlertRecord]])
  assertRecords(hex(schedule.derive('s ap traffic', heard)), [[alert, closing, CLIENT_AUTHENTICATED.serverAlertRecord]])
})

test('RFC 8448 section 7: compatibility mode', () => {
  const transcript = transcriptOf(COMPATIBLE.clientHello, COMPATIBLE.serverHello)
  const share = decodeServerHello(bytes(COMPATIBLE.serverHello)).extensions.keyShare
  assert.ok(share, 'the server has a share')
  const schedule = new KeySchedule('sha256')
  schedule.advance(offerKeyShare('x25519', () => bytes(COMPATIBLE.clientPrivate)).finish(share.keyExchange))
  const client = schedule.derive('c hs traffic', transcript.digest())
  const server = schedule.derive('s hs traffic', transcript.digest())
  const heard = follow(transcript, client, server, COMPATIBLE.serverFlightRecord, COMPATIBLE.clientFinishedRecord)
  schedule.advance()
  for (const [label, record] of [
    ['c ap traffic', COMPATIBLE.clientAlertRecord],
    ['s ap traffic', COMPATIBLE.serverAlertRecord],
  ] as const) {
    const sealer = new Tls13Sealer(suite, schedule.derive(label, heard))
    assert.equal(hex(sealer.seal(ContentType.alert, Uint8Array.of(1, 0))), record)
  }
})

/**
 * The server's flight opens, its signature and its Finished are right, and the client's Finished comes out as it was sent.
 * @returns the transcript's hash up to the server's Finished
 */
function follow(transcript: Transcript, client: Uint8Array, server: Uint8Array, flight: string, answer: string): Uint8Array {
  const [encryptedExtensions, ...authentication] = messagesOf(server, flight)
  transcript.add(encryptedExtensions)
  followAuthentication(transcript, 'server', 'rsa_pss_rsae_sha256', server, authentication)
  const own = encodeFinished(finishedData('sha256', client, transcript.digest()))
  assert.equal(hex(new Tls13Sealer(suite, client).seal(ContentType.handshake, own)), answer)
  return transcript.digest()
}

/** The handshake messages of a first record, which opens under a secret, and comes out again as it was. */
function messagesOf(secret: Uint8Array, record: string): Uint8Array[] {
  const opened = new Tls13Opener(suite, secret).open(bytes(record))
  assert.ok(opened, 'the flight opens')
  assert.equal(hex(new Tls13Sealer(suite, secret).seal(opened.type, opened.plaintext)), record)
  const buffer = new HandshakeBuffer()
  buffer.push(opened.plaintext)
  const messages: Uint8Array[] = []
  for (let message = buffer.next(); message !== undefined; message = buffer.next()) messages.push(message)
  return messages
}

/** Certificate, CertificateVerify and Finished of one side are right; the transcript goes on behind them. */
function followAuthentication(
  transcript: Transcript,
  signer: 'client' | 'server',
  scheme: SignatureScheme,
  secret: Uint8Array,
  messages: readonly Uint8Array[],
): void {
  assert.equal(messages.length, 3)
  const [certificate, certificateVerify, finished] = messages
  transcript.add(certificate)
  const key = checkChain(receivedChain(certificate), undefined, undefined)
  checkVerify(certificateVerify, signer, [scheme], key, transcript.digest())
  transcript.add(certificateVerify)
  assert.deepEqual(finished, encodeFinished(finishedData('sha256', secret, transcript.digest())))
  transcript.add(finished)
}
