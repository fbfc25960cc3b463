import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FrameFlows, flowsOf } from '../../components/frame-flows.ts'
import type { Run } from '../../src/run/run.ts'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { FrameRecord, TraceView } from '../../src/trace/record.ts'
import { StreamDissection } from '../../src/trace/stream-dissection.ts'

const SCENARIO_SOURCE = {
  id: 'streams',
  title: 'Streams',
  duration: '30 s',
  colorBy: 'stream',
  hosts: {
    alice: { app: 'browser', visits: 'https://bob/', protocols: ['h2'] },
    router: { kind: 'router' },
    bob: {
      app: 'web-server',
      protocols: ['h2'],
      tls: {},
      serves: {
        '/': { size: '10 kB', type: 'text/html', resources: ['/a.css', '/b.js', '/c.png'] },
        '/a.css': '30 kB',
        '/b.js': '30 kB',
        '/c.png': '30 kB',
      },
    },
  },
  links: [
    { between: ['alice', 'router'], rate: '20 Mbit/s', delay: '5 ms', loss: '2 %' },
    { between: ['router', 'bob'], rate: '20 Mbit/s', delay: '5 ms', loss: '2 %' },
  ],
}

const SCENARIO = resolveScenario(SCENARIO_SOURCE)

describe('colours of frames', () => {
  const { trace, director } = runInline(SCENARIO)

  it('by connection are the connection’s number', () => {
    const flows = new FrameFlows(() => trace, 'connection')
    for (const frame of trace.frames()) assert.equal(flows.flowOf(frame), frame.connection)
    assert.equal(flows.hasStreams, true)
  })

  it('by stream are those of the stream that is in them, as decryption tells, also where they were forwarded or sent again', () => {
    const flows = new FrameFlows(() => trace, 'stream')
    const dissection = new StreamDissection(director.recorder)
    let coloured = 0
    for (const frame of trace.frames()) {
      const flow = flows.flowOf(frame)
      const summary = dissection.inspect(frame.number)?.summary ?? ''
      const inside = [...summary.matchAll(/stream (\d+)/g)].map(([, stream]) => Number(stream))
      const stream = flow === 0 ? 0 : flows.flows[flow - 1].stream
      if (stream === 0) {
        assert.deepEqual(inside, [], `packet ${String(frame.number)}: ${summary}`)
        continue
      }
      coloured++
      assert.ok(
        inside.includes(stream) || summary.includes('more'),
        `packet ${String(frame.number)}: ${String(stream)} in ${summary}`,
      )
    }
    assert.ok(coloured > 100, `${String(coloured)} frames have a stream`)
    assert.deepEqual(flows.flows.map(({ stream }) => stream).sort(), [1, 3, 5, 7])
  })

  it('of QUIC are those of the stream that is in them, too, and there is none where there is no request’s', () => {
    const source = { ...SCENARIO_SOURCE, hosts: { ...SCENARIO_SOURCE.hosts } }
    source.hosts.alice = { ...source.hosts.alice, protocols: ['h3'] }
    source.hosts.bob = { ...source.hosts.bob, protocols: ['h3', 'h2'] }
    const run = runInline(resolveScenario(source))
    const flows = new FrameFlows(() => run.trace, 'stream')
    const dissection = new StreamDissection(run.director.recorder)
    let coloured = 0
    for (const frame of run.trace.frames(({ kind }) => kind === 'udp')) {
      const flow = flows.flowOf(frame)
      const { layers = [], views = [] } = dissection.inspect(frame.number) ?? {}
      const fields = [...layers, ...views.flatMap((view) => view.layers)].flatMap((layer) => layer.fields)
      const inside = fields.filter(({ name }) => name === 'quic.stream.stream_id').map(({ value }) => Number(value))
      const requests = inside.filter((stream) => stream % 4 === 0)
      if (flow === 0) {
        assert.deepEqual(requests, [], `packet ${String(frame.number)}`)
        continue
      }
      coloured++
      assert.ok(requests.includes(flows.flows[flow - 1].stream), `packet ${String(frame.number)}: ${requests.join()}`)
    }
    assert.ok(coloured > 100, `${String(coloured)} frames have a stream`)
    assert.deepEqual(
      flows.flows.map(({ stream }) => stream),
      [0, 4, 8, 12],
    )
    assert.equal(flows.hasStreams, true)
  })

  it('of a connection of QUIC stay the same where it moves', () => {
    const run = runInline(
      resolveScenario({
        id: 'phone',
        title: 'A phone',
        duration: '10 s',
        hosts: {
          phone: { app: 'browser', visits: 'https://server/', protocols: ['h3'] },
          wifi: { kind: 'router' },
          mast: { kind: 'router' },
          internet: { kind: 'router' },
          server: { app: 'web-server', protocols: ['h3', 'h2'], tls: {}, serves: { '/': '100 kB' } },
        },
        links: [
          { between: ['phone', 'wifi'], rate: '2 Mbit/s', flaps: [{ at: '200 ms', for: '10 s' }] },
          { between: ['phone', 'mast'], rate: '2 Mbit/s' },
          { between: ['wifi', 'internet'] },
          { between: ['mast', 'internet'] },
          { between: ['internet', 'server'] },
        ],
      }),
    )
    const udp = [...run.trace.frames(({ kind }) => kind === 'udp')]
    assert.equal(new Set(udp.map(({ connection }) => connection)).size, 2)
    const byConnection = new FrameFlows(() => run.trace, 'connection')
    const [{ connection: first }] = udp
    for (const frame of udp) assert.equal(byConnection.flowOf(frame), first)
    const byStream = new FrameFlows(() => run.trace, 'stream')
    const moved = udp.filter(({ connection, length }) => connection !== first && length > 1000)
    assert.ok(
      moved.some((frame) => byStream.flowOf(frame) === 1),
      'the stream is known on the new way',
    )
  })

  it('are told of a frame in flight as soon as the host has said what it was', () => {
    let frames = 0
    let events = 0
    const growing: TraceView = {
      ...trace,
      hosts: trace.hosts,
      connections: trace.connections,
      get frameCount() {
        return frames
      },
      get firstKept() {
        return 1
      },
      get thinnedBytes() {
        return 0
      },
      get events() {
        return trace.events.slice(0, events)
      },
      frame: (number: number): FrameRecord | undefined => (number <= frames ? trace.frame(number) : undefined),
      first: (name, where) => trace.events.slice(0, events).find((event) => event.name === name && (where?.(event) ?? true)),
    }
    const flows = new FrameFlows(() => growing, 'stream')
    const late = [...trace.frames()].find(({ payload, from }) => payload > 1400 && trace.hosts[from] === 'bob')
    assert.ok(late !== undefined, 'there is a full segment')
    frames = late.number
    assert.equal(flows.flowOf(late), 0)
    frames = trace.frameCount
    events = trace.events.length
    assert.notEqual(flows.flowOf(late), 0)
  })

  it('of one run are the same for all who show it, begin as the scenario says, and tell when they change', () => {
    const run = Object.assign(new EventTarget(), { trace, scenario: SCENARIO }) as unknown as Run
    const flows = flowsOf(run)
    assert.equal(flowsOf(run), flows)
    assert.equal(flows.mode, 'stream')
    let changes = 0
    flows.addEventListener('change', () => changes++)
    flows.mode = 'stream'
    flows.mode = 'connection'
    assert.equal(changes, 1)
  })
})
