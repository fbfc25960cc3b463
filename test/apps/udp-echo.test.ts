import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pair } from '../host/topologies.ts'
import { ip } from '../host/world.ts'
import { app, data, noFailures, SECOND } from './site.ts'

test('every datagram comes back to where it came from, unchanged', () => {
  const heard: [number, string][] = []
  const to = { address: ip('10.0.0.2'), port: 7 }
  const world = pair(
    function* ({ sockets }) {
      const [first, second] = [sockets.udp(5001), sockets.udp(5002)]
      first.sendTo(to, Buffer.from('one'))
      second.sendTo(to, Buffer.from('two'))
      first.sendTo(to, new Uint8Array(0))
      for (const socket of [second, first, first]) {
        const answer = yield* socket.receive(SECOND)
        assert.deepEqual(answer?.from, to)
        heard.push([socket.local.port, Buffer.from(answer.bytes).toString()])
      }
    },
    app('udp-echo', {}),
  ).run(10 * SECOND)
  noFailures(world)
  assert.deepEqual(heard, [
    [5002, 'two'],
    [5001, 'one'],
    [5001, ''],
  ])
})

test('an asker that is gone does not stop it: the next one is answered', () => {
  let answer: string | undefined
  const to = { address: ip('10.0.0.2'), port: 4000 }
  const world = pair(
    function* ({ sockets, sleep }) {
      const rude = sockets.udp(5001)
      rude.sendTo(to, Buffer.from('and away'))
      rude.close()
      yield* sleep(SECOND)
      const patient = sockets.udp()
      patient.sendTo(to, Buffer.from('anybody?'))
      const datagram = yield* patient.receive(SECOND)
      answer = datagram && Buffer.from(datagram.bytes).toString()
    },
    app('udp-echo', { port: 4000 }),
  ).run(10 * SECOND)
  assert.equal(answer, 'anybody?')
  assert.deepEqual(
    data(world, 'echo:failed').map(({ error }) => error),
    ['ECONNREFUSED'],
  )
  noFailures(world)
})
