import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { randomStream } from '../../../src/kernel/random.ts'
import { TlsAlertError } from '../../../src/protocols/tls/fault.ts'
import { AlertDescription } from '../../../src/wire/tls/alert.ts'
import { ContentType } from '../../../src/wire/tls/code-points.ts'
import { TlsDecodeError } from '../../../src/wire/tls/decode-error.ts'
import { decodeRecordHeader, RECORD_HEADER_LENGTH } from '../../../src/wire/tls/record.ts'
import { bytesOf, concat, credentialsOf, give, pairOf as connectionsOf, textOf } from './tls-pair.ts'
import type { End } from './tls-pair.ts'
import { talk } from './tls12-pair.ts'
import type { Side, Unit } from './tls12-pair.ts'
import { start, WAYS } from './tls12-ways.ts'
import type { Way } from './tls12-ways.ts'

const random = randomStream(12, 'hostile tls 1.2')

function below(limit: number): number {
  return Math.floor((random.uint32() / 0x1_0000_0000) * limit)
}

/** A message that is damaged a little; its length in the header is right again, or nothing would come of it. */
function damaged(message: Uint8Array): Uint8Array {
  let bytes = message.slice()
  for (let i = below(2) + 1; i > 0 && bytes.length > 4; i--) {
    const at = 4 + below(bytes.length - 4)
    const kind = below(6)
    if (kind === 0) bytes[at] = random.uint32()
    else if (kind === 1) bytes[at] ^= 1 << below(8)
    else if (kind === 2) bytes[at] = below(2) * 255
    else if (kind === 3) bytes = bytes.slice(0, at)
    else if (kind === 4) bytes = Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + below(4)))
    else bytes = Uint8Array.of(...bytes.subarray(0, at), ...new Uint8Array(below(5)), ...bytes.subarray(at))
  }
  bytes.set([0, (bytes.length - 4) >>> 8, (bytes.length - 4) & 0xff], 1)
  if (below(50) === 0) bytes[0] = below(26)
  return bytes
}

/** How many damaged messages each state is given, in the order of the ways' states; public-key work makes some of them dear. */
const LOADS: Readonly<Record<string, readonly number[]>> = {
  'a client that shows a certificate and gets a ticket': [40_000, 1_500, 1_000, 2_000, 100, 500, 0, 30_000, 25_000],
  'a client that nobody asks, without a ticket': [500, 200, 100, 300, 0, 1_000, 1_000],
  'a client that resumes': [1_000, 0, 10_000, 1_000],
  'a server that gets a certificate': [4_000, 2_000, 1_000, 1_000, 0, 50_000, 45_000],
  'a server that gets an empty certificate': [100, 500, 300, 0, 5_000, 1_000],
  'a server that asks nobody': [500, 500, 0, 5_000, 1_000],
  'a server that resumes': [1_000, 0, 10_000, 1_000],
}

function hear(side: Side, { type, bytes }: Unit): void {
  if (type === ContentType.change_cipher_spec) side.handshake.handleChangeCipherSpec(0)
  else side.handshake.handleMessage(bytes, 0)
  side.collect()
}

/** One side anew, which is given what it had heard before a state. */
function replayed(way: Way, heard: readonly Unit[]): Side {
  const side = start(way)[way.role]
  side.sent.length = 0
  for (const unit of heard) hear(side, unit)
  return side
}

describe('damaged messages in every state: progress, or an alert that is in the table', () => {
  for (const way of WAYS) {
    const loads = LOADS[way.what]
    test(`${String(loads.reduce((sum, load) => sum + load, 0))} for ${way.what}`, () => {
      const whole = start(way)
      talk(whole)
      const { heard } = whole[way.role]
      loads.forEach((load, state) => {
        const before = heard.slice(0, state)
        // In the last state nothing more is heard; there it is given the first message again.
        const message = state < heard.length ? heard[state].bytes : heard[0].bytes
        let side = replayed(way, before)
        for (let i = 0; i < load; i++) {
          try {
            side.handshake.handleMessage(damaged(message), 0)
            // It went on: the next one finds a fresh one.
            side.collect()
            if (!side.handshake.mayReceiveData) side = replayed(way, before)
          } catch (error) {
            if (!(error instanceof TlsAlertError) && !(error instanceof TlsDecodeError)) throw error
            assert.ok(error.alert in AlertDescription && error.cites.startsWith('RFC '), String(error))
            side.sent.length = 0
          }
        }
      })
    })
  }

  test('together they are 100,000 for each machine at least', () => {
    for (const role of ['client', 'server'] as const) {
      const loads = WAYS.filter((way) => way.role === role).flatMap(({ what }) => LOADS[what])
      const sum = loads.reduce((total, load) => total + load, 0)
      assert.ok(sum >= 100_000, `${String(sum)} for a ${role}`)
    }
  })
})

/** Cuts a stream into its records. */
function recordsOf(bytes: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + RECORD_HEADER_LENGTH + (decodeRecordHeader(bytes, at, bytes.length)?.length ?? bytes.length)
    records.push(bytes.slice(at, end))
    at = end
  }
  return records
}

/** Somebody on the way: changes, drops, repeats, swaps or cuts records, or puts in some of their own. */
function attacked(bytes: Uint8Array): Uint8Array {
  const records = recordsOf(bytes)
  const at = below(records.length)
  const record = records[at]
  switch (below(9)) {
    case 0:
      record[below(record.length)] ^= 1 << below(8)
      break
    case 1:
      records.splice(at, 1)
      break
    case 2:
      records.splice(at, 0, record.slice())
      break
    case 3:
      records.reverse()
      break
    case 4:
      records[at] = record.slice(0, below(record.length))
      break
    case 5:
      records.splice(at, 0, Uint8Array.of(20 + below(5), 3, 3, 0, 2, 1 + below(2), below(121)))
      break
    case 6:
      records.splice(at, 0, Uint8Array.of(20, 3, 3, 0, 1, 1))
      break
    case 7:
      records.splice(at, 0, Uint8Array.of(22, 3, 3, 0, 4, below(26), 0, 0, 0))
      break
    default:
      record.fill(random.uint32(), below(record.length))
  }
  return concat(records)
}

const RUNS = 600

test(`${String(RUNS)} connections with somebody on the way: the right data, or an end that says why`, () => {
  let broken = 0
  for (let run = 0; run < RUNS; run++) {
    const auth = run % 2 === 0 ? ({ clientAuthentication: 'required' } as const) : {}
    const pair = connectionsOf(
      { versions: ['1.2'], verify: () => ({ ok: true, path: [] }), credentials: credentialsOf('ec-p256', 'client') },
      { versions: ['1.2'], verify: () => ({ ok: true, path: [] }), ...auth },
    )
    const { client, server } = pair
    client.tls.send(bytesOf('question'))
    server.tls.send(bytesOf('answer'))
    const target = below(6)
    let flights = 0
    for (let turn = 0; turn < 40; turn++) {
      let silent = true
      for (const [from, to] of [
        [client, server],
        [server, client],
      ]) {
        from.drain(0)
        const bytes = from.taken()
        if (bytes.length === 0) continue
        silent = false
        give(to, flights++ === target ? attacked(bytes) : bytes)
      }
      if (silent) break
    }
    // What waits for ever ends when the stream below does.
    for (const end of [client, server]) {
      end.tls.handleEnd(0)
      end.drain(0)
      endsWell(end)
    }
    assert.ok(
      'answer'.startsWith(textOf(client.data)) && 'question'.startsWith(textOf(server.data)),
      'no wrong byte came through',
    )
    const faults = [client.fault, server.fault].filter((fault) => fault?.alert !== undefined)
    if (faults.length > 0) broken++
  }
  assert.ok(broken > RUNS / 4, `${String(broken)} were broken by an alert`)
})

function endsWell(end: End): void {
  const closed = end.all('closed')
  assert.equal(closed.length, 1)
  const { error } = closed[0]
  if (error === undefined) return
  assert.ok(['local', 'peer', 'network'].includes(error.whose), error.whose)
  assert.match(error.cites, /^RFC \d+/)
  assert.ok(error.detail.length > 0, 'it says what happened')
}
