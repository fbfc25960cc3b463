import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline } from '../../src/run/run-inline.ts'
import { FATE_NUMBER } from '../../src/kernel/egress.ts'
import { exportPcapng, type Vantage } from '../../src/trace/pcapng-export.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { Lab } from '../kernel/lab.ts'
import { network } from '../scenario/scenario-fixture.ts'
import { tsharkFields, withFile } from '../vectors/tshark.ts'

const MS = 1_000_000

const ROW = resolveScenario(
  network({ host0: {}, host1: { kind: 'router' }, host2: {} }, [
    ['host0', 'host1'],
    ['host1', 'host2'],
  ]),
)

const COLUMNS = [
  'frame.interface_name',
  'frame.time_epoch',
  'frame.packet_flags_direction',
  'frame.packet_flags_crc_error',
  'frame.comment',
  'frame.len',
]

/** Interface, milliseconds, direction, whether the check sequence was wrong, comment, length. */
function packets(lab: Lab, vantage: Vantage): unknown[][] {
  return withFile(exportPcapng(ROW, lab.recorder, vantage), (path) =>
    tsharkFields(path, COLUMNS).map(([name, time, direction, crc, comment, length]) => [
      name,
      Number(time) * 1000,
      direction === '0x00000002' ? 'out' : 'in',
      crc === '1',
      comment,
      Number(length),
    ]),
  )
}

describe('every link', () => {
  test('packet n is frame n, at the time when it was handed to its link, in its direction', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: 5 * MS }, { delay: 2 * MS }])
    lab
      .send(0, 0, 2, 125)
      .send(MS, 1, 1, 60, 1)
      .send(2 * MS, 1, 1, 61, 0)
      .run()
    assert.deepEqual(packets(lab, { kind: 'links' }), [
      ['host0-host1', 0, 'out', false, '', 125],
      ['host0-host1', 0, 'out', false, '', 125],
      ['host1-host2', 1, 'out', false, '', 60],
      ['host0-host1', 2, 'in', false, '', 61],
    ])
  })

  test('what was lost is there, and says why', () => {
    const comments = (lab: Lab): unknown[] =>
      packets(lab, { kind: 'links' }).map(([, , , crc, comment]) => (crc === true ? [comment] : comment))
    const link = { rate: 1_000_000, delay: 5 * MS }
    const cut = { kind: 'link', port: 0, settings: { up: false } } as const
    assert.deepEqual(comments(new Lab([{ ...link, queueFrames: 0 }, {}]).send(0, 0, 2, 125).run()), [
      '',
      'lost: refused by a full queue',
    ])
    assert.deepEqual(comments(new Lab([{ ...link, loss: 1 }, {}]).send(0, 0, 1).run()), ['lost: lost at random on the way'])
    assert.deepEqual(comments(new Lab([{ ...link, lossList: [1] }, {}]).send(0, 0, 1).run()), [
      'lost: lost on the way, as listed',
    ])
    assert.deepEqual(comments(new Lab([{ ...link, corrupt: 1 }, {}]).send(0, 0, 1).run()), [
      ['lost: bits flipped on the way, refused for its frame check sequence'],
    ])
    assert.deepEqual(comments(new Lab([{ ...link, corrupt: 1, corruptUndetected: true }, {}]).send(0, 0, 1).run()), [
      'corrupted: bits flipped on the way, and nobody noticed',
    ])
    assert.deepEqual(comments(new Lab([{ ...link, duplicate: 1 }, {}]).send(0, 0, 1).run()), ['', 'duplicated by the link'])
    assert.deepEqual(comments(new Lab([link, {}]).at(0, 0, cut).send(0, 0, 1).run()), ['lost: the link was down'])
    assert.deepEqual(
      comments(
        new Lab([link, {}])
          .send(0, 0, 2, 125)
          .send(MS / 2, 0, 0)
          .at(MS / 2, 0, { kind: 'kill' })
          .run(),
      ),
      ['', 'lost: the sending host lost power while it waited'],
    )
    assert.deepEqual(comments(new Lab([link, {}]).at(0, 1, { kind: 'kill' }).send(0, 0, 1).run()), [
      'lost: the receiving host was not running',
    ])
    const full = new Lab([{ delay: MS }, {}]).at(0, 1, { kind: 'pause' }).send(0, 0, 257, 20).run()
    assert.equal(comments(full).at(-1), 'lost: the receive ring of the paused host was full')
    const byHand = new Lab([link, {}]).send(0, 0, 2).run(MS)
    byHand.recorder.setFate(1, FATE_NUMBER['dropped-by-hand'], byHand.now)
    byHand.recorder.loseInFlight([0], FATE_NUMBER['link-down'], byHand.now)
    assert.deepEqual(comments(byHand), ['lost: dropped by hand', 'lost: the link was down'])
  })

  test('what was corrupted on purpose is marked, whatever became of it then', () => {
    const lab = new Lab([{ delay: 5 * MS, corrupt: 1 }, {}]).send(0, 0, 3).run(MS)
    lab.recorder.setFate(2, FATE_NUMBER['dropped-by-hand'], lab.now)
    const marks = (): unknown[] => packets(lab, { kind: 'links' }).map(([, , , crc, comment]) => [crc, comment])
    assert.deepEqual(marks(), [
      [true, 'corrupted: bits flipped on the way'],
      [true, 'lost: dropped by hand; corrupted: bits flipped on the way'],
      [true, 'corrupted: bits flipped on the way'],
    ])
    lab.run()
    assert.deepEqual(marks()[2], [true, 'lost: bits flipped on the way, refused for its frame check sequence'])
  })
})

describe('one host', () => {
  test('what left its interfaces and what arrived there, in the order of these times', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: 5 * MS }, { delay: 2 * MS }])
    // Two frames to the router, of which the second waits a millisecond; one from it to each side.
    lab
      .send(0, 0, 2, 125)
      .send(MS, 1, 1, 60, 1)
      .send(6.5 * MS, 1, 1, 61, 0)
      .run()
    assert.deepEqual(packets(lab, { kind: 'host', host: 'host1' }), [
      ['eth1', 1, 'out', false, '', 60],
      ['eth0', 6, 'in', false, '', 125],
      ['eth0', 6.5, 'out', false, '', 61],
      ['eth0', 7, 'in', false, '', 125],
    ])
    assert.deepEqual(
      packets(lab, { kind: 'host', host: 'host0' }).map(([, time]) => time),
      [0, 1, 11.988],
    )
  })

  test('shows nothing of what it could not see', () => {
    const lab = new Lab([{ delay: 5 * MS, lossList: [1], duplicate: 1 }, {}]).send(0, 0, 2).run()
    const seen = (host: string): unknown[] =>
      packets(lab, { kind: 'host', host }).map(([, , direction, , comment]) => [direction, comment])
    // The copies were made on the way: he who sent them saw one frame each time.
    assert.deepEqual(seen('host0'), [
      ['out', ''],
      ['out', ''],
    ])
    // The first original is lost, both copies and the second original arrive.
    assert.deepEqual(seen('host1'), [
      ['in', ''],
      ['in', ''],
      ['in', ''],
    ])
    assert.deepEqual(seen('host2'), [])
  })

  test('what left was whole, what came was not', () => {
    const lab = new Lab([{ corrupt: 1, corruptUndetected: true }, {}]).send(0, 0, 1, 64).run()
    const data = (host: string): string =>
      withFile(exportPcapng(ROW, lab.recorder, { kind: 'host', host }), (path) => tsharkFields(path, ['eth.dst'])[0][0]) +
      String(packets(lab, { kind: 'host', host })[0][4])
    const intact = '00:01:02:03:04:05'
    assert.equal(data('host0'), intact)
    assert.match(data('host1'), /corrupted: bits flipped on the way, and nobody noticed$/)
    const bytes = lab.recorder.bytes(1)
    assert.equal(
      bytes?.some((byte, index) => byte !== index),
      true,
    )
    assert.equal(
      lab.recorder.bytesAsSent(1)?.every((byte, index) => byte === index),
      true,
    )
  })

  test('there is no such host', () => {
    assert.throws(() => exportPcapng(ROW, new Lab([{}, {}]).recorder, { kind: 'host', host: 'nobody' }), RangeError)
  })
})

test('frames whose bytes were let go are missing, the others are there', () => {
  const scenario = resolveScenario({
    id: 'thin',
    title: 'Thin',
    duration: '5 s',
    hosts: { alice: { app: 'browser', visits: 'http://bob/' }, bob: { app: 'web-server', serves: { '/': '500 KiB' } } },
    links: [{ between: ['alice', 'bob'], rate: '100 Mbit/s', delay: '1 ms' }],
  })
  const run = runInline(scenario, { traceLimit: 300_000 })
  const whole = runInline(scenario)
  const rows = (capture: Uint8Array): string[][] =>
    withFile(capture, (path) => tsharkFields(path, ['frame.time_epoch', 'frame.len', 'tcp.seq_raw']))
  const [some, all] = [rows(run.capture({ kind: 'links' })), rows(whole.capture({ kind: 'links' }))]
  assert.equal(some.length > 50 && some.length < all.length, true)
  assert.deepEqual(some, all.slice(-some.length))
  assert.equal(run.trace.frameCount, whole.trace.frameCount)
})
