import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { hashOf, noise, servedHash } from './body.ts'
import { inLab } from './lab.ts'

const SIZES: Readonly<Record<string, number>> = { '/0.bin': 0, '/1.bin': 1, '/100k.bin': 100_000, '/20M.bin': 20_000_000 }

/** A web server behind a router, for a client on a line that loses and reorders. */
const scenario = {
  id: 'curl',
  title: 'A real client of a simulated server',
  hosts: {
    client: {},
    router: { kind: 'router' },
    server: {
      app: 'web-server',
      digest: true,
      tcp: { preset: 'linux' },
      serves: Object.fromEntries(Object.entries(SIZES).map(([path, size]) => [path, `${String(size)} B`])),
    },
  },
  links: [
    { between: ['client', 'router'], rate: '150 Mbit/s', delay: '500 us', queue: '256 KiB', reorderBy: '2 ms' },
    { between: ['router', 'server'], rate: '1 Gbit/s', delay: '500 us' },
  ],
  knobs: {
    loss: { label: 'Loss', range: ['0 %', '10 %'], sets: 'links[0].loss' },
    reorder: { label: 'Reordering', range: ['0 %', '10 %'], sets: 'links[0].reorder' },
  },
}

// They wait for retransmissions more than they compute.
describe('curl, with a simulated web server', { concurrency: 3 }, () => {
  for (const [loss, reorder] of [
    ['0 %', '0 %'],
    ['2 %', '1 %'],
    ['5 %', '1 %'],
  ]) {
    test(`gets what it is served and sends what it has, ${loss} lost and ${reorder} reordered`, async () => {
      await inLab(async (lab) => {
        const { peers } = await lab.start(scenario, 'client', ['--set', `loss=${loss}`, '--set', `reorder=${reorder}`])
        const server = `http://${String(peers['server']?.address)}`
        const sent: [number, string][] = []
        for (const [path, size] of Object.entries(SIZES)) {
          await lab.run('curl', ['-sS', '--fail', '-o', 'got.bin', `${server}${path}`], 150)
          const got = await readFile(join(lab.folder, 'got.bin'))
          assert.deepEqual([got.length, hashOf(got)], [size, servedHash(path, size)], path)

          const bytes = noise(size)
          const file = lab.file('send.bin', bytes)
          const type = 'Content-Type: application/octet-stream'
          const { out } = await lab.run('curl', ['-sS', '--fail', '-H', type, '--data-binary', `@${file}`, `${server}/up`], 150)
          assert.equal(out, `${size} bytes received, digest ${hashOf(bytes)}\n`)
          sent.push([size, hashOf(bytes)])
        }
        const { summary, events } = await lab.finish('transport')
        const uploads = events.filter(({ name, data }) => name === 'http:request-received' && data['method'] === 'POST')
        assert.deepEqual(
          uploads.map(({ data }) => [data['bytes'], data['digest']]),
          sent,
        )
        const lost = (summary.framesLost['random-loss'] ?? 0) / summary.frames
        const wish = Number.parseFloat(loss) / 100 / 2
        assert.ok(lost >= wish * 0.8 && lost <= wish * 1.2, `of the frames of both links ${lost} were lost, wished ${wish}`)
      })
    })
  }
})
