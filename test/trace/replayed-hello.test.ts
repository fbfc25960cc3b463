import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { StreamDissection } from '../../src/trace/stream-dissection.ts'
import { judgeCaptures } from '../scenarios/capture-judge.ts'

/** One ClientHello, sent by its client, and then twice by somebody else: three connections whose secrets go by one random value. */
function replayed(seed: number): InlineRun {
  const run = runInline(
    resolveScenario({
      id: 'replayed',
      title: 'Replayed',
      seed,
      duration: '20 s',
      hosts: {
        alice: {
          app: 'browser',
          visits: ['https://bob/', { url: 'https://bob/pay', at: '1 s', reconnect: true }],
          tls: { earlyData: true },
        },
        mallory: { kind: 'router', app: 'replayer', copies: 2, delay: '300 ms' },
        bob: {
          app: 'web-server',
          tls: { earlyData: '16 KiB', replayProtection: seed % 2 === 0 },
          serves: { '/': '1 KiB', '/pay': { size: '1 B', effect: 'counter' } },
        },
      },
      links: [
        { between: ['alice', 'mallory'], delay: '10 ms' },
        { between: ['mallory', 'bob'], delay: '10 ms' },
      ],
    }),
  )
  assert.equal(run.trace.all('replayer:flight-replayed').length, 2)
  return run
}

test('of connections with one ClientHello Wireshark decrypts each, from the file alone', async () => {
  const captures = new Map<string, Uint8Array>()
  for (const seed of [1, 2]) {
    const run = replayed(seed)
    captures.set(`links, ${String(seed)}`, run.capture({ kind: 'links' }))
    for (const host of ['mallory', 'bob']) captures.set(`${host}, ${String(seed)}`, run.capture({ kind: 'host', host }))
  }
  for (const [name, { complaints, frames }] of await judgeCaptures(captures)) {
    assert.ok(frames > 50, name)
    assert.deepEqual(complaints, [], name)
  }
})

test('so does the inspector, whichever it is asked for first', () => {
  for (const seed of [1, 2]) {
    const run = replayed(seed)
    for (const backwards of [false, true]) {
      const dissection = new StreamDissection(run.director.recorder)
      const numbers = [...run.trace.frames()].map(({ number }) => number)
      let flights = 0
      for (const number of backwards ? numbers.reverse() : numbers) {
        const found = dissection.inspect(number)
        assert.ok(found !== undefined, `packet ${String(number)} is there`)
        assert.ok(!found.summary.includes('encrypted:'), `packet ${String(number)}: ${found.summary}`)
        for (const { problem, title } of found.views.flatMap(({ layers }) => layers))
          assert.equal(problem, undefined, `packet ${String(number)}, ${title}`)
        if (found.summary.includes('EncryptedExtensions') && found.summary.includes('Finished')) flights++
      }
      assert.ok(flights >= 3, `${String(flights)} answers of the server were read`)
    }
  }
})
