import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { InlineRun } from '../../src/run/run-inline.ts'
import { exportQlog, exportQlogTogether } from '../../src/trace/qlog.ts'
import { HARD, page, SITUATIONS } from './quic-situations.ts'
import { qlogProblems } from './qlog-schema.ts'

interface Event {
  readonly time: number
  readonly name: string
  readonly data: Readonly<Record<string, never>>
}
interface Trace {
  readonly vantage_point: { readonly name: string; readonly type: string }
  readonly common_fields: { readonly ODCID: string }
  readonly events: readonly Event[]
}
interface File {
  readonly traces: readonly Trace[]
}

function qlogOf({ director }: InlineRun): Map<string, Trace> {
  const files = exportQlog(director.scenario, director.recorder)
  return new Map(files.map(({ name, text }) => [name.replace(/-[\da-f]+\.qlog$/, ''), (JSON.parse(text) as File).traces[0]]))
}

function traceOf(run: InlineRun, name: string): Trace {
  const trace = qlogOf(run).get(name)
  assert.ok(trace !== undefined, `there is a file of ${name}`)
  return trace
}

function named({ events }: Trace, name: string): Event[] {
  return events.filter((event) => event.name === name)
}

/** A value somewhere in an event: `header.packet_number`. */
function at({ data }: Event, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], data)
}

function countRecorded({ trace }: InlineRun, host: string, name: string): number {
  return trace.all(name, (event) => trace.hosts[event.host] === host).length
}

describe('every file is what the schema says', () => {
  for (const [name, make] of SITUATIONS) {
    test(name, () => {
      const { director } = make(3)
      const files = exportQlog(director.scenario, director.recorder)
      assert.ok(files.length >= 2, 'both ends of a connection')
      assert.equal(new Set(files.map((file) => file.name)).size, files.length)
      for (const file of files) {
        const parsed = JSON.parse(file.text) as File
        assert.deepEqual(qlogProblems(parsed), [], file.name)
        const times = parsed.traces[0].events.map(({ time }) => time)
        assert.deepEqual(
          times,
          [...times].sort((a, b) => a - b),
          'in the order of time',
        )
      }
    })
  }

  test('one file for all of them has the same traces', () => {
    const { director } = page({ link: HARD, clients: 2 })
    const files = exportQlog(director.scenario, director.recorder)
    const together = JSON.parse(exportQlogTogether(director.scenario, director.recorder) ?? '') as File
    assert.deepEqual(qlogProblems(together), [])
    assert.deepEqual(
      together.traces,
      files.flatMap(({ text }) => (JSON.parse(text) as File).traces),
    )
    assert.equal(files.length, 4)
  })

  test('version and format stand in the first 256 characters', () => {
    const { director } = page({})
    for (const { text } of exportQlog(director.scenario, director.recorder))
      assert.match(text.slice(0, 256), /"qlog_version":"0\.3","qlog_format":"JSON"/)
  })

  test('what is not, is noticed', () => {
    const run = page({})
    const spoil = (change: (trace: Record<string, never> & Trace) => void): string[] => {
      const file = { qlog_version: '0.3', traces: [structuredClone(traceOf(run, 'alice-client'))] }
      assert.deepEqual(qlogProblems(file), [])
      change(file.traces[0] as Record<string, never> & Trace)
      return qlogProblems(file)
    }
    const sent = (trace: Trace): Record<string, Record<string, unknown>> => named(trace, 'transport:packet_sent')[0].data
    assert.match(spoil((trace) => delete sent(trace)['header']).join(), /packet_sent\.header: missing/)
    assert.match(spoil((trace) => (sent(trace)['header']['packet_type'] = 'first')).join(), /"first" is none of/)
    assert.match(spoil((trace) => (sent(trace)['header']['packet_number'] = -1)).join(), /packet_number: not such a number/)
    assert.match(spoil((trace) => (sent(trace)['header']['colour'] = 'red')).join(), /colour: not in the schema/)
    assert.match(spoil((trace) => Object.assign(trace.events[0], { time: 'noon' })).join(), /time: not a number/)
    assert.match(spoil((trace) => Object.assign(trace.events[0], { name: 'transport:guessed' })).join(), /no event/)
    assert.match(spoil((trace) => Object.assign(trace.vantage_point, { type: 'moon' })).join(), /none of client/)
    assert.match(qlogProblems({ qlog_version: '9' }).join(), /"9" is none of 0\.3/)
  })
})

describe('both ends of one connection', () => {
  const run = page({ seed: 4, link: HARD, server: { quic: { keyUpdateAfter: 40 } } })
  const client = traceOf(run, 'alice-client')
  const server = traceOf(run, 'bob-server')
  const numbersOf = (trace: Trace, name: string): string[] =>
    named(trace, name).map((event) => `${String(at(event, 'header.packet_type'))} ${String(at(event, 'header.packet_number'))}`)

  test('have one name', () => {
    assert.equal(client.common_fields.ODCID, server.common_fields.ODCID)
    assert.deepEqual(client.vantage_point, { name: 'alice', type: 'client' })
    assert.deepEqual(server.vantage_point, { name: 'bob', type: 'server' })
  })

  test('each packet is sent once, and received once or never', () => {
    for (const [from, to] of [
      [client, server],
      [server, client],
    ]) {
      const sent = numbersOf(from, 'transport:packet_sent')
      const received = numbersOf(to, 'transport:packet_received')
      assert.equal(new Set(sent).size, sent.length)
      assert.equal(new Set(received).size, received.length)
      for (const packet of received) assert.ok(sent.includes(packet), packet)
      assert.ok(received.length < sent.length, 'some were lost')
    }
    assert.ok(numbersOf(client, 'transport:packet_dropped').length > 0, 'copies are dropped')
  })

  test('what is acknowledged was received before', () => {
    for (const trace of [client, server]) {
      const received = new Set<string>()
      for (const event of trace.events) {
        if (event.name === 'transport:packet_received')
          received.add(`${String(at(event, 'header.packet_type'))} ${String(at(event, 'header.packet_number'))}`)
        if (event.name !== 'transport:packet_sent') continue
        const frames = at(event, 'frames') as { frame_type: string; acked_ranges?: number[][] }[]
        for (const [low, high = low] of frames.flatMap(({ acked_ranges = [] }) => acked_ranges))
          for (let number = low; number <= high; number++)
            assert.ok(received.has(`${String(at(event, 'header.packet_type'))} ${String(number)}`), `${String(event.time)} ms`)
      }
    }
  })

  test('what the ends have recorded is there: losses, metrics, probes, states, keys', () => {
    for (const [trace, host] of [
      [client, 'alice'],
      [server, 'bob'],
    ] as const) {
      assert.equal(named(trace, 'recovery:packet_lost').length, countRecorded(run, host, 'quic:packet-lost'))
      assert.equal(named(trace, 'recovery:loss_timer_updated').length, countRecorded(run, host, 'quic:probe-timeout'))
      assert.equal(named(trace, 'connectivity:connection_started').length, 1)
      const states = named(trace, 'connectivity:connection_state_updated').map((event) => at(event, 'new'))
      assert.deepEqual(states, ['attempted', 'handshake_complete', 'handshake_confirmed', 'draining', 'closed'])
      const generations = named(trace, 'security:key_updated').map((event) => at(event, 'generation') ?? 0)
      assert.ok(Math.max(...(generations as number[])) > 0, 'keys were updated')
    }
    const keys = (trace: Trace): Set<string> =>
      new Set(named(trace, 'security:key_updated').map(({ data }) => JSON.stringify([data['key_type'], data['new']])))
    assert.deepEqual(keys(server), keys(client), 'both made the same secrets')
    assert.ok(named(server, 'recovery:metrics_updated').length > 20, 'the congestion window moved')
    assert.ok(named(server, 'recovery:packet_lost').length > 0, 'packets were lost')
  })

  test('requests and responses are in clear', () => {
    const headers = (trace: Trace, name: string): string[] =>
      named(trace, name).flatMap((event) =>
        ((at(event, 'frame.headers') ?? []) as { name: string; value: string }[]).flatMap((each) =>
          each.name === ':path' || each.name === ':status' ? [each.value] : [],
        ),
      )
    assert.deepEqual(headers(client, 'http:frame_created'), ['/', '/a.css', '/b.js'])
    assert.deepEqual(headers(server, 'http:frame_parsed').sort(), ['/', '/a.css', '/b.js'])
    assert.deepEqual(headers(server, 'http:frame_created'), ['200', '200', '200'])
    assert.deepEqual(headers(client, 'http:frame_parsed'), ['200', '200', '200'])
  })

  test('all bytes of the page come in order to the application', () => {
    const moved = named(client, 'transport:data_moved').filter((event) => (Number(at(event, 'stream_id')) & 2) === 0)
    const ends = new Map<unknown, number>()
    for (const event of moved) {
      assert.equal(at(event, 'offset'), ends.get(at(event, 'stream_id')) ?? 0)
      ends.set(at(event, 'stream_id'), Number(at(event, 'offset')) + Number(at(event, 'length')))
    }
    const total = [...ends.values()].reduce((sum, end) => sum + end, 0)
    assert.ok(total > 110_000 && total < 112_000, `${String(total)} bytes`)
  })

  test('the same run writes the same bytes', () => {
    const texts = [1, 2].map(() => {
      const { director } = page({ seed: 5, link: HARD })
      return exportQlog(director.scenario, director.recorder)
    })
    assert.deepEqual(texts[0], texts[1])
  })
})

describe('what connections go through', () => {
  test('a Retry: the client sends its first packet again with the token', () => {
    const run = page({ server: { quic: { retry: 'always' } } })
    const client = traceOf(run, 'alice-client')
    const received = named(client, 'transport:packet_received').filter((event) => at(event, 'header.packet_type') === 'retry')
    const token = at(received[0], 'retry_token.data')
    const again = named(client, 'transport:packet_sent').filter((event) => at(event, 'header.token.data') === token)
    assert.ok(again.length > 0 && typeof token === 'string', 'the token comes back')
    assert.equal(named(client, 'connectivity:connection_retried').length, 1)
  })

  test('QPACK’s table is filled, and both ends say the same of it', () => {
    const table = { qpackTableCapacity: '4 KiB', qpackBlockedStreams: 16 }
    const run = page({ browser: { quic: table }, server: { quic: table } })
    const entries = (name: string, owner: string): unknown[] =>
      named(traceOf(run, name), 'qpack:dynamic_table_updated').flatMap((event) =>
        at(event, 'owner') === owner ? (at(event, 'entries') as unknown[]) : [],
      )
    assert.ok(entries('bob-server', 'local').length > 0, 'the server inserts')
    assert.deepEqual(entries('alice-client', 'remote'), entries('bob-server', 'local'))
    assert.deepEqual(entries('bob-server', 'remote'), entries('alice-client', 'local'))
  })

  test('without secrets there is what can be said without them', () => {
    const keep = { tls: { keyLog: false } }
    const run = page({ server: keep, browser: keep })
    const client = traceOf(run, 'alice-client')
    const types = new Set(named(client, 'transport:packet_sent').map((event) => at(event, 'header.packet_type')))
    assert.deepEqual([...types], ['initial'])
    assert.ok(named(client, 'recovery:metrics_updated').length > 0, 'what the host has recorded')
  })

  test('without QUIC there is no file', () => {
    const { director } = page({ browser: { protocols: ['h2'] } })
    assert.deepEqual(exportQlog(director.scenario, director.recorder), [])
    assert.equal(exportQlogTogether(director.scenario, director.recorder), undefined)
  })
})
