import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QuicCarriage } from '../../src/trace/quic-carriage.ts'
import { FrameMark, type FrameRecord } from '../../src/trace/record.ts'
import { madeTrace, type MadeEvent } from '../scenario/trace-fixture.ts'

const SERVER = 1
const CONNECTION = '10.0.0.1:49152 ↔ 10.0.0.2:443'

const sent = (time: number, stream: number, offset: number): MadeEvent => ({
  time,
  name: 'quic:stream-sent',
  host: SERVER,
  connection: CONNECTION,
  data: { stream, offset, length: 100 },
})

/** Events have ids from 1, so frames that they go before get ids in between by halves. */
const datagram = (id: number, enqueued: number, more: Partial<FrameRecord> = {}): Partial<FrameRecord> => ({
  id,
  enqueued,
  from: SERVER,
  to: 0,
  kind: 'udp',
  connection: 1,
  ...more,
})

function carried(events: readonly MadeEvent[], frames: readonly Partial<FrameRecord>[]): string[][] {
  const trace = madeTrace(['browser', 'server', 'router'], events, frames)
  const carriage = new QuicCarriage()
  carriage.update(trace)
  return [...trace.frames()].map((frame) =>
    carriage.of(trace, frame).map(({ stream, from, to }) => `${String(stream)}: ${String(from)}–${String(to)}`),
  )
}

test('a frame carries what its sender told right before it; acknowledgments carry nothing', () => {
  assert.deepEqual(
    carried([sent(5, 0, 0), sent(5, 4, 0), sent(5, 0, 100)], [datagram(2.5, 5), datagram(3.5, 5), datagram(4, 6)]),
    [['0: 0–100', '4: 0–100'], ['0: 100–200'], []],
  )
})

test('what a router passes on carries the same', () => {
  const forwarded = { from: 2, mark: FrameMark.Forwarded }
  assert.deepEqual(carried([sent(5, 0, 0)], [datagram(2, 5, { to: 2 }), datagram(7, 9, { ...forwarded, cause: 2 })]), [
    ['0: 0–100'],
    ['0: 0–100'],
  ])
})

test('what could not be sent is not taken for what went out later', () => {
  assert.deepEqual(carried([sent(5, 0, 0), sent(8, 4, 0)], [datagram(3, 8)]), [['4: 0–100']])
})

test('datagrams of others in between are not taken for it', () => {
  assert.deepEqual(carried([sent(5, 0, 0)], [datagram(2, 5, { from: 0 }), datagram(3, 5, { kind: 'tcp-ack' }), datagram(4, 5)]), [
    [],
    [],
    ['0: 0–100'],
  ])
})

test('read in pieces, and from the beginning again when the trace has let something go', () => {
  const events = [sent(5, 0, 0), sent(6, 4, 0)]
  const frames = [datagram(1.5, 5), datagram(2.5, 6)]
  const carriage = new QuicCarriage()
  carriage.update(madeTrace(['browser', 'server'], events.slice(0, 1), frames.slice(0, 1)))
  const whole = madeTrace(['browser', 'server'], events, frames)
  carriage.update(whole)
  const streams = (): number[][] => [...whole.frames()].map((frame) => carriage.of(whole, frame).map(({ stream }) => stream))
  assert.deepEqual(streams(), [[0], [4]])
  assert.deepEqual([carriage.knows(0, CONNECTION), carriage.knows(SERVER, CONNECTION)], [true, false])
  carriage.update({ ...whole, events: whole.events.slice(1) })
  assert.deepEqual(streams(), [[], [4]])
})
