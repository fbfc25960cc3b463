/** Loss recovery as in Linux, through all layers: what it does is in the trace, and tshark sees the same in the capture. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { tshark, tsharkFields, withFile } from '../vectors/tshark.ts'

const SIZE = 400_000

function download(preset: 'standard' | 'linux', seed: number): InlineRun {
  const scenario = resolveScenario({
    id: 'download',
    title: 'A download',
    seed,
    duration: '300 s',
    hosts: {
      alice: { app: 'browser', visits: 'http://bob/file', digest: true, tcp: { preset } },
      bob: { app: 'web-server', serves: { '/file': `${String(SIZE)} B` }, digest: true, tcp: { preset } },
    },
    links: [
      {
        between: ['alice', 'bob'],
        rate: '10 Mbit/s',
        delay: '20 ms',
        queue: '1000 packets',
        loss: '5 %',
        reorder: '5 %',
        reorderBy: '15 ms',
      },
    ],
  })
  return runInline(scenario)
}

describe('a download with 5 % of loss and reordering, with the preset of Linux', () => {
  const runs: InlineRun[] = []
  before(() => {
    for (let seed = 1; seed <= 4; seed++) runs.push(download('linux', seed))
  })

  test('the file arrives, once and exactly', () => {
    for (const { trace } of runs) {
      const [sent, got] = ['http:response-sent', 'http:response-received'].map((name) => trace.first(name)?.data)
      assert.deepEqual([got?.['bytes'], got?.['digest']], [SIZE, sent?.['digest']])
    }
  })

  test('the trace tells of losses found by time, of probes, of duplicates', () => {
    const names = (name: string): number => runs.reduce((sum, { trace }) => sum + trace.all(name).length, 0)
    const whys = new Set(runs.flatMap(({ trace }) => trace.all('tcp:segment-retransmitted').map(({ data }) => data['why'])))
    assert.ok(whys.has('rack'), [...whys].join())
    assert.ok(!whys.has('fast') && !whys.has('sack'), [...whys].join())
    for (const name of ['tcp:tail-loss-probe-sent', 'tcp:reordering-detected', 'tcp:spurious-retransmission-detected']) {
      assert.ok(names(name) > 0, `never ${name}`)
    }
  })

  test('tshark finds no malformed frame and no bad checksum, and sees each report of a duplicate as one', () => {
    for (const run of runs) {
      const reported = run.trace.all('tcp:duplicate-received').length
      withFile(run.capture({ kind: 'host', host: 'alice' }), (path) => {
        // Without it, what fills a gap counts as overlapping.
        const ordered = ['-o', 'tcp.reassemble_out_of_order:TRUE']
        assert.equal(tshark(path, ...ordered, '-Y', '_ws.malformed || _ws.expert.group == "Checksum"'), '')
        const edges = ['tcp.options.sack.dsack_le', 'tcp.options.sack.dsack_re']
        const seen = tsharkFields(path, edges, ...ordered, '-Y', 'tcp.options.sack.dsack')
        assert.ok(seen.length > 0, 'there are some')
        assert.ok(seen.length <= reported, `${String(seen.length)} in the capture, ${String(reported)} in the trace`)
        for (const [left, right] of seen) assert.ok(Number(right) > Number(left), `${left} to ${right}`)
      })
    }
  })
})
