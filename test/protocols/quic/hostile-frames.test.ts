import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HEADER_KEY_PHASE } from '../../../src/wire/quic/header.ts'
import { PacketKeys } from '../../../src/crypto/packet-keys.ts'
import { randomBytesFrom } from '../../../src/crypto/random-bytes.ts'
import { randomStream, type Random } from '../../../src/kernel/random.ts'
import type { CoreSetup } from '../../../src/protocols/quic/connection-setup.ts'
import { QuicConnection } from '../../../src/protocols/quic/connection.ts'
import { quicSettings } from '../../../src/protocols/quic/settings.ts'
import { TLS13_SUITES } from '../../../src/protocols/tls/tls13/suites.ts'
import { Tls13ServerHandshake } from '../../../src/protocols/tls/tls13/server-handshake.ts'
import { tlsSettings } from '../../../src/protocols/tls/settings.ts'
import {
  writeAck,
  writeControlFrame,
  writeCryptoHeader,
  writeDatagramHeader,
  writeStreamHeader,
} from '../../../src/wire/quic/frame-encoder.ts'
import { writeShortHeader } from '../../../src/wire/quic/header.ts'
import { DEFAULT_TRANSPORT_PARAMETERS } from '../../../src/wire/quic/transport-parameters.ts'
import { CLIENT, pattern, SECOND, SERVER, serverWith } from './quic-lab.ts'

const [SUITE] = TLS13_SUITES
const [LOCAL_ID, REMOTE_ID] = [pattern(8), pattern(9).slice(1)]
const SECRETS = { read: new Uint8Array(32).fill(1), write: new Uint8Array(32).fill(2) }
const NO_TLS = serverWith()

/** A server's connection whose handshake has been left out: the keys are ours. */
class Bare extends QuicConnection {
  constructor(random: Random) {
    const tls = { ...NO_TLS.tls, versions: ['1.3'] as const }
    const role = {
      isServer: true,
      idAdded: () => undefined,
      idRemoved: () => undefined,
      wake: () => undefined,
      newToken: () => undefined,
    }
    const setup: CoreSetup = {
      role,
      settings: quicSettings({ datagrams: true, observe: true, autoConsume: true, streamWindow: 5000, connectionWindow: 9000 }),
      random: randomBytesFrom(random),
      version: 1,
      local: SERVER,
      remote: CLIENT,
      localId: LOCAL_ID,
      followsPreferredAddress: false,
      remoteId: REMOTE_ID,
      originalId: LOCAL_ID,
      initialId: LOCAL_ID,
      isValidated: true,
      resetToken: (id) => new Uint8Array(16).fill(id[0]),
      token: new Uint8Array(0),
      tls: new Tls13ServerHandshake(tls, TLS, { extensions: [], endOfEarlyData: false }),
      session: undefined,
    }
    super(setup)
    this.start(0)
    for (const direction of ['write', 'read'] as const)
      this.core.takeSecret({ level: 'application', direction, secret: SECRETS[direction], suite: SUITE })
    this.core.takeParameters({
      ...DEFAULT_TRANSPORT_PARAMETERS,
      initialMaxData: 10_000,
      initialMaxStreamsBidi: 5,
      initialMaxStreamsUni: 5,
      activeConnectionIdLimit: 4,
      initialSourceConnectionId: REMOTE_ID,
      initialMaxStreamDataBidiLocal: 3000,
      initialMaxStreamDataBidiRemote: 3000,
      initialMaxStreamDataUni: 3000,
      maxDatagramFrameSize: 1000,
    })
    this.core.localIds.supply(4)
    this.core.confirm()
  }
}
const TLS = tlsSettings({ ...NO_TLS.tls, versions: ['1.3'] })

/** Kinds of frames that a peer may send nearly always: PING, limits, what is blocked, challenges, DATAGRAM, STREAM. */
const MILD: readonly number[] = [0, 6, 7, 8, 9, 10, 11, 14, 15, 17, 17, 17]

/** Writes one frame of some kind, with values that are more or less likely. @returns where it ends */
function writeFrame(target: Uint8Array, at: number, random: Random): number {
  const small = (): number => (random.below(4) === 0 ? random.below(20_000) : random.below(30))
  const huge = (): number => (random.below(20) === 0 ? 2 ** (20 + random.below(33)) + random.below(1000) : small())
  const connectionId = randomBytesFrom(random)(8)
  const kinds = random.below(12) === 0 ? 19 : MILD.length
  const stream = (): number => 4 * random.below(5) + (random.below(20) === 0 ? random.below(4) : 0)
  switch (kinds === 19 ? random.below(19) : MILD[random.below(kinds)]) {
    case 0:
      return writeControlFrame(target, at, { type: 'PING' })
    case 1: {
      const largest = random.below(12)
      return writeAck(target, at, {
        type: 'ACK',
        largest,
        delay: huge(),
        ranges: [random.below(largest + 1), largest],
        ecn: undefined,
      })
    }
    case 2: {
      const ecn = { ect0: small(), ect1: small(), ce: small() }
      return writeAck(target, at, { type: 'ACK', largest: 3, delay: 0, ranges: [0, 3], ecn })
    }
    case 3:
      return writeControlFrame(target, at, { type: 'RESET_STREAM', stream: stream(), code: huge(), finalSize: huge() })
    case 4:
      return writeControlFrame(target, at, { type: 'STOP_SENDING', stream: stream(), code: huge() })
    case 5: {
      const length = random.below(20)
      return writeCryptoHeader(target, at, huge(), length) + length
    }
    case 6:
      return writeControlFrame(target, at, { type: 'MAX_DATA', limit: huge() })
    case 7:
      return writeControlFrame(target, at, { type: 'MAX_STREAM_DATA', stream: stream(), limit: huge() })
    case 8:
      return writeControlFrame(target, at, { type: 'MAX_STREAMS', bidirectional: random.below(2) === 0, limit: huge() })
    case 9:
      return writeControlFrame(target, at, { type: 'DATA_BLOCKED', limit: huge() })
    case 10:
      return writeControlFrame(target, at, { type: 'STREAM_DATA_BLOCKED', stream: stream(), limit: huge() })
    case 11:
      return writeControlFrame(target, at, { type: 'STREAMS_BLOCKED', bidirectional: random.below(2) === 0, limit: huge() })
    case 12: {
      const sequence = random.below(8)
      const retirePriorTo = random.below(sequence + 1)
      return writeControlFrame(target, at, {
        type: 'NEW_CONNECTION_ID',
        sequence,
        retirePriorTo,
        connectionId,
        resetToken: new Uint8Array(16),
      })
    }
    case 13:
      return writeControlFrame(target, at, { type: 'RETIRE_CONNECTION_ID', sequence: random.below(8) })
    case 14:
      return writeControlFrame(target, at, {
        type: random.below(2) === 0 ? 'PATH_CHALLENGE' : 'PATH_RESPONSE',
        data: connectionId,
      })
    case 15: {
      const length = random.below(20)
      return writeDatagramHeader(target, at, length) + length
    }
    case 16:
      return random.below(8) === 0
        ? writeControlFrame(target, at, {
            type: 'CONNECTION_CLOSE',
            space: 'application',
            code: huge(),
            frameType: 0,
            reason: 'x',
          })
        : at
    default: {
      const length = random.below(100)
      const fin = random.below(60) === 0
      const next = writeStreamHeader(target, at, stream(), small(), length, fin)
      return target.fill(7, next, next + length) && next + length
    }
  }
}

test('100,000 authentic packets of a client that means harm: each is taken, or ends the connection with a reason', () => {
  const random = randomStream(3, 'frames')
  const keys = new PacketKeys(SUITE, SECRETS.read)
  const packet = new Uint8Array(2000)
  const reasons = new Map<string, number>()
  let connection = new Bare(random)
  let number = 0
  let now = 0
  let peaceful = 0
  for (let i = 0; i < 100_000; i++) {
    const payloadStart = writeShortHeader(packet, 0, LOCAL_ID, random.below(300) === 0 ? HEADER_KEY_PHASE : 0, number, 4)
    let at = payloadStart
    for (let frames = random.below(2); frames >= 0; frames--) at = writeFrame(packet, at, random)
    if (random.below(25) === 0)
      for (let flips = random.below(3); flips >= 0; flips--)
        packet[payloadStart + random.below(at - payloadStart + 1)] ^= 1 << random.below(8)
    if (random.below(30) === 0) at = payloadStart + random.below(at - payloadStart + 1)
    const end = keys.seal(packet, 0, payloadStart, at, number)
    number += 1 + random.below(3)
    now += random.below(1000) === 0 ? SECOND : 1_000_000
    const remote = random.below(50) === 0 ? { ...CLIENT, port: 5000 + random.below(9) } : CLIENT
    connection.handle({ local: SERVER, remote, ecn: 0, bytes: packet.slice(0, end) }, now)
    const deadline = connection.pollTimeout()
    if (deadline !== undefined && deadline <= now) connection.handleTimeout(now)
    if (!connection.isClosed && random.below(4) === 0) {
      const stream = connection.canOpenStream(false) ? connection.openStream(false) : undefined
      if (stream !== undefined) connection.send(stream, pattern(random.below(2000)))
    }
    let sent = 0
    while (connection.pollTransmit(now) !== undefined) assert.ok(++sent < 100, 'it comes to an end')
    for (let event = connection.pollEvent(); event !== undefined; event = connection.pollEvent()) {
      if (event.type !== 'draining') continue
      const { error } = event
      const reason = error === undefined ? 'closed' : `${error.whose} ${error.space === 'transport' ? error.name : 'application'}`
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      assert.ok(error === undefined || error.cites.startsWith('RFC'), 'it says which rule')
    }
    if (!connection.isClosed) {
      peaceful++
      continue
    }
    connection = new Bare(random)
    number = 0
  }
  assert.ok(peaceful > 62_500, `${String(peaceful)} did no harm`)
  for (const name of [
    'PROTOCOL_VIOLATION',
    'FLOW_CONTROL_ERROR',
    'STREAM_LIMIT_ERROR',
    'STREAM_STATE_ERROR',
    'FINAL_SIZE_ERROR',
    'FRAME_ENCODING_ERROR',
    'CRYPTO_BUFFER_EXCEEDED',
  ])
    assert.ok((reasons.get(`peer ${name}`) ?? 0) > 0, `${name}: ${JSON.stringify([...reasons])}`)
})
