import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { hashOf, noise, servedHash } from './body.ts'
import { inLab, type WrittenEvent } from './lab.ts'

const SIZES: Readonly<Record<string, number>> = { '/': 100, '/100k.bin': 100_000, '/2M.bin': 2_000_000 }
const SERVERS = ['s1', 's2', 's3']

/** A real client, and simulated servers behind a simulated balancer of layer 7. */
function scenario(balancer: Readonly<Record<string, unknown>>, outages?: readonly unknown[]): unknown {
  const server = {
    app: 'web-server',
    digest: true,
    tcp: { preset: 'linux' },
    serves: Object.fromEntries(Object.entries(SIZES).map(([path, size]) => [path, `${String(size)} B`])),
  }
  const line = { rate: '200 Mbit/s', delay: '500 us' }
  return {
    id: 'balanced',
    title: 'A real client of simulated servers behind a balancer',
    hosts: {
      client: { address: '10.0.0.1/24' },
      front: { kind: 'switch' },
      balancer: {
        address: '10.0.0.2/24',
        app: 'load-balancer',
        tcp: { preset: 'linux' },
        backends: SERVERS.map((name) => `http://${name}`),
        ...balancer,
      },
      ...Object.fromEntries(SERVERS.map((name) => [name, { ...server, ...(name === 's2' && outages && { outages }) }])),
    },
    links: ['client', 'balancer', ...SERVERS].map((name) => ({ between: [name, 'front'], ...line, queue: '256 KiB' })),
  }
}

/** How many requests each server was given. */
function picks(events: readonly WrittenEvent[]): number[] {
  const picked = events.filter(({ name }) => name === 'balancer:picked')
  return SERVERS.map((server) => picked.filter(({ data }) => data['backend'] === server).length)
}

describe('real clients, through a load balancer of layer 7', { concurrency: 2 }, () => {
  for (const scheme of ['http', 'https'] as const) {
    test(`curl over ${scheme}: gets what is served, sends what it has, and comes to each server in turn`, async () => {
      await inLab(async (lab) => {
        await lab.start(scenario(scheme === 'https' ? { tls: true } : {}), 'client')
        const options = ['-sS', '--fail', '--insecure']
        const versions = scheme === 'https' ? ['--http1.1', '--http2'] : ['--http1.1', '--http1.0', '--http1.1']
        for (const version of versions) {
          for (const [path, size] of Object.entries(SIZES)) {
            await lab.run('curl', [...options, version, '-o', 'got.bin', `${scheme}://10.0.0.2${path}`], 150)
            const got = await readFile(join(lab.folder, 'got.bin'))
            assert.equal(got.length, size, `${version} ${path}`)
            if (path !== '/') assert.equal(hashOf(got), servedHash(path, size))
          }
        }
        const bytes = noise(1_000_000)
        const file = lab.file('send.bin', bytes)
        const type = 'Content-Type: application/octet-stream'
        for (const more of [[], ['-H', 'Transfer-Encoding: chunked']]) {
          const upload = [...options, '--http1.1', '-H', type, ...more, '--data-binary', `@${file}`, `${scheme}://10.0.0.2/up`]
          assert.equal((await lab.run('curl', upload, 150)).out, `1000000 bytes received, digest ${hashOf(bytes)}\n`)
        }
        const { events } = await lab.finish('transport')
        const spread = picks(events)
        assert.ok(Math.max(...spread) - Math.min(...spread) <= 1, `each in turn: ${String(spread)}`)
      })
    })
  }

  test('h2load over HTTP/2 and HTTP/1.1: 600 requests each, spread evenly', async () => {
    await inLab(async (lab) => {
      await lab.start(scenario({ protocols: ['h2', 'http/1.1'] }), 'client')
      for (const how of [
        ['-c4', '-m20'],
        ['--h1', '-c20'],
      ]) {
        const { out } = await lab.run('h2load', ['-n600', ...how, 'http://10.0.0.2/'], 100)
        assert.match(out, /600 succeeded, 0 failed, 0 errored, 0 timeout/)
      }
      const { events } = await lab.finish('transport')
      assert.deepEqual(picks(events), [400, 400, 400])
    })
  })

  test('h2load while a server loses its power: no request fails that may be sent again', async () => {
    await inLab(async (lab) => {
      const patience = {
        protocols: ['h2', 'http/1.1'],
        retries: 2,
        retryOn: ['connect', 'broken', 'timeout'],
        tryTimeout: '300 ms',
        connectTimeout: '200 ms',
        check: { interval: '500 ms', timeout: '200 ms', fall: 2, rise: 1 },
      }
      await lab.start(scenario(patience, [{ at: '3 s' }]), 'client')
      const { out } = await lab.run('h2load', ['-n1200', '-c6', '-m10', '--rps=30', 'http://10.0.0.2/'], 100)
      assert.match(out, /1200 succeeded, 0 failed, 0 errored, 0 timeout/)
      const { events } = await lab.finish('transport')
      const changes = events.filter(({ name }) => name === 'balancer:backend-changed').map(({ data }) => data)
      assert.deepEqual(changes, [{ backend: 's2', state: 'down' }])
      const [, second] = picks(events)
      assert.ok(second > 0 && second < 400, `it had its share before, and nothing afterwards: ${String(second)}`)
    })
  })
})
