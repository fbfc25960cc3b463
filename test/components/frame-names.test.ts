import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Inspection } from '../../src/trace/inspection.ts'
import { FrameIndex } from '../../components/packet-stage/frame-index.ts'
import { FrameNames } from '../../components/packet-stage/frame-names.ts'
import { syntheticDownload, syntheticZoo } from '../pages/synthetic-run.ts'

const settled = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })

void describe('names of frames', () => {
  void it('are those of their kinds at first, then tell numbers from the start of the connection', async () => {
    const run = syntheticDownload()
    run.goTo(400_000_000)
    const index = new FrameIndex()
    index.update(run.trace, run.horizon, () => 0)
    let arrivals = 0
    const names = new FrameNames(() => arrivals++)
    names.clear(run)
    const all = [...run.trace.frames()]
    const say = (): string[] => all.slice(0, 12).map((frame) => names.get(frame, index))
    assert.deepEqual(say().slice(0, 5), ['SYN', 'SYN', 'ACK', 'data', 'data'])
    for (let i = 0; i < 8; i++) {
      say()
      await settled()
    }
    assert.deepEqual(say().slice(0, 6), ['SYN', 'SYN-ACK', 'ACK 1', 'seq 1', 'seq 1', 'seq 1461'])
    assert.ok(arrivals > 0)
  })

  void it('ask for the opening when somebody begins to look in the middle', async () => {
    const run = syntheticDownload()
    run.goTo(400_000_000)
    const index = new FrameIndex()
    index.update(run.trace, run.horizon, () => 0)
    const names = new FrameNames(() => undefined)
    names.clear(run)
    const frame = [...run.trace.frames(({ kind }) => kind === 'tcp-data')][3]
    for (let i = 0; i < 4; i++) {
      names.get(frame, index)
      await settled()
    }
    assert.equal(names.get(frame, index), 'seq 2921')
  })

  void it('of questions and pings say what is asked', async () => {
    const run = syntheticZoo()
    run.goTo(200_000_000)
    const index = new FrameIndex()
    index.update(run.trace, run.horizon, () => 0)
    const names = new FrameNames(() => undefined)
    names.clear(run)
    const [ping] = run.trace.frames(({ kind, direction }) => kind === 'icmp' && direction === 0)
    const [question] = run.trace.frames(({ kind, direction }) => kind === 'arp' && direction === 0)
    names.get(ping, index)
    names.get(question, index)
    await settled()
    assert.deepEqual([names.get(ping, index), names.get(question, index)], ['ping 1', 'who has 10.0.0.2?'])
  })

  void it('of QUIC say what the first readable packet carries first', async () => {
    const run = syntheticZoo()
    run.goTo(200_000_000)
    const index = new FrameIndex()
    index.update(run.trace, run.horizon, () => 0)
    const named = async (summary: string): Promise<string> => {
      run.inspect = () => Promise.resolve({ summary, isOpen: false, layers: [], views: [] } as unknown as Inspection)
      const names = new FrameNames(() => undefined)
      names.clear(run)
      const [frame] = run.trace.frames()
      names.get(frame, index)
      await settled()
      return names.get(frame, index)
    }
    for (const [summary, name] of [
      ['Initial 0: TLS ClientHello', 'ClientHello'],
      ['Initial 0: TLS ServerHello, ACK 0; QUIC Handshake, 772 bytes; QUIC 1-RTT, 262 bytes', 'ServerHello'],
      ['1-RTT 3: HTTP/3 HEADERS stream 0, GET /small.txt, ACK 0–2', 'GET /small.txt'],
      ['1-RTT 7: HTTP/3 HEADERS stream 4, 200', '200'],
      ['1-RTT 8: HTTP/3 DATA stream 4, 1,200 bytes (goes on)', 'DATA 4'],
      ['1-RTT 9: STREAM 4, 1,200 bytes at 2,400', 'STREAM 4'],
      ['1-RTT 5: ACK 0–3, 5', 'ACK 0–3'],
      ['QUIC Retry, 90 bytes', 'Retry'],
      ['QUIC 1-RTT, 262 bytes', '1-RTT'],
    ])
      assert.equal(await named(summary), name)
  })

  void it('of an earlier run are forgotten', async () => {
    const run = syntheticDownload()
    run.goTo(400_000_000)
    const index = new FrameIndex()
    index.update(run.trace, run.horizon, () => 0)
    let arrivals = 0
    const names = new FrameNames(() => arrivals++)
    names.clear(run)
    const [syn] = run.trace.frames()
    names.get(syn, index)
    names.clear(undefined)
    await settled()
    assert.equal(arrivals, 0)
  })
})
