import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import { CrowdLab, MS, SERVER } from './crowd-lab.ts'

describe('a brief trace', () => {
  function run(trace: 'brief' | 'full', interventions: Intervention[] = []) {
    const lab = new CrowdLab(
      { replicas: 3, trace },
      {
        *clients({ environment, sockets, sleep }: AppContext): Blocking<void> {
          // Whoever is told something at the very beginning is running already.
          yield* sleep(MS)
          const socket = yield* sockets.connect({ address: SERVER, port: 80 })
          environment.record('client:state-changed', '', { state: 'connected' })
          yield* socket.readExactly(1)
          socket.close()
        },
        *server({ sockets }: AppContext): Blocking<void> {
          const listener = sockets.listen(80)
          for (;;) yield* (yield* listener.accept()).write(Uint8Array.of(1))
        },
      },
      { interventions },
    ).end()
    return {
      frames: lab.frames().map(({ id, enqueued }) => `${String(id)} ${String(enqueued)}`),
      events: lab.director.store.events,
      bytes: lab.frames().map(({ number }) => lab.director.recorder.bytes(number)),
      lab,
    }
  }

  test('has the same frames with the same ids, and fewer events, whose ids are the same', () => {
    const [brief, full] = [run('brief'), run('full')]
    assert.deepEqual(brief.frames, full.frames)
    assert.deepEqual(brief.bytes, full.bytes)
    const kept = new Map(full.events.map((event) => [event.id, event]))
    for (const { id, name, time, member } of brief.events) {
      const same = kept.get(id)
      assert.deepEqual([name, time, member], [same?.name, same?.time, same?.member])
    }
    const ofClients = (name: string, { events }: typeof brief): number =>
      events.filter((event) => event.host === 0 && event.name === name).length
    assert.deepEqual([ofClients('tcp:state-changed', brief), ofClients('client:state-changed', brief)], [0, 3])
    assert.ok(ofClients('tcp:state-changed', full) >= 9, 'opened and closed')
  })

  test('of a member that is watched it has all; nothing else changes', () => {
    const [brief, watched, full] = [run('brief'), run('brief', [{ at: 0, watch: 'clients[1]' }]), run('full')]
    assert.deepEqual(watched.frames, brief.frames)
    assert.deepEqual(watched.bytes, brief.bytes)
    const tellOf = ({ events }: typeof brief, member: number): string[] =>
      events.filter((event) => event.member === member).map(({ id, name }) => `${String(id)} ${name}`)
    assert.deepEqual(tellOf(watched, 1), tellOf(brief, 1))
    assert.deepEqual(
      tellOf(watched, 2),
      tellOf(full, 2).filter((words) => !words.endsWith('app:started')),
    )
    assert.deepEqual(watched.lab.director.state.hosts[0].watched, [1])
  })

  test('all of a crowd can be watched, and no longer', () => {
    const all = run('brief', [{ at: 0, watch: 'clients' }])
    assert.ok(
      all.events.some(({ name, host }) => name === 'tcp:state-changed' && host === 0),
      'details',
    )
    const none = run('brief', [
      { at: 0, watch: 'clients' },
      { at: 0, unwatch: 'clients' },
    ])
    assert.ok(!none.events.some(({ name, host }) => name === 'tcp:state-changed' && host === 0), 'no details')
  })

  test('what is left out hands its own cause on: every cause is there', () => {
    const { events, lab } = run('brief')
    const ids = new Set([...events.map(({ id }) => id), ...lab.frames().map(({ id }) => id)])
    for (const { cause } of [...events, ...lab.frames()]) assert.ok(cause === 0 || ids.has(cause), String(cause))
  })
})
