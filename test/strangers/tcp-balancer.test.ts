import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { hashOf, noise, servedHash } from './body.ts'
import { inLab } from './lab.ts'

const MODES = ['nat', 'full-nat', 'dsr'] as const
const SIZES: Readonly<Record<string, number>> = { '/0.bin': 0, '/100k.bin': 100_000, '/5M.bin': 5_000_000 }

/** A real client and two simulated servers, with a simulated balancer between them. */
function scenario(mode: (typeof MODES)[number]): unknown {
  const server = {
    app: 'web-server',
    digest: true,
    tcp: { preset: 'linux' },
    serves: Object.fromEntries(Object.entries(SIZES).map(([path, size]) => [path, `${String(size)} B`])),
    ...(mode === 'dsr' && { loopback: ['10.0.0.100'] }),
  }
  const balancer = {
    kind: mode === 'nat' ? 'router' : 'host',
    app: 'tcp-balancer',
    virtual: 'www:80',
    mode: mode === 'dsr' ? 'dsr' : 'nat',
    sourceNat: mode === 'full-nat',
    backends: ['one:80', 'two:80'],
    check: { by: 'http', path: '/0.bin' },
  }
  const line = { rate: '200 Mbit/s', delay: '500 us' }
  const behind = mode === 'nat' ? 'back' : 'front'
  return {
    id: 'balanced',
    title: 'A real client of simulated servers behind a balancer',
    names: { www: '10.0.0.100' },
    hosts: {
      client: { address: '10.0.0.1/24' },
      front: { kind: 'switch' },
      balancer,
      ...(mode === 'nat' && { back: { kind: 'switch' } }),
      one: server,
      two: server,
    },
    links: [
      { between: ['client', 'front'], ...line, queue: '256 KiB', loss: '0.5 %' },
      { between: ['balancer', 'front'], ...line },
      ...(mode === 'nat' ? [{ between: ['balancer', 'back'], ...line }] : []),
      { between: ['one', behind], ...line },
      { between: ['two', behind], ...line },
    ],
  }
}

describe('curl, through a balancer of TCP connections', { concurrency: 3 }, () => {
  for (const mode of MODES) {
    test(`mode ${mode}: gets what is served, and sends what it has`, async () => {
      await inLab(async (lab) => {
        await lab.start(scenario(mode), 'client')
        for (const [path, size] of Object.entries(SIZES)) {
          await lab.run('curl', ['-sS', '--fail', '-o', 'got.bin', `http://10.0.0.100${path}`], 150)
          const got = await readFile(join(lab.folder, 'got.bin'))
          assert.deepEqual([got.length, hashOf(got)], [size, servedHash(path, size)], path)
        }
        const bytes = noise(1_000_000)
        const file = lab.file('send.bin', bytes)
        const type = 'Content-Type: application/octet-stream'
        const { out } = await lab.run(
          'curl',
          ['-sS', '--fail', '-H', type, '--data-binary', `@${file}`, 'http://10.0.0.100/up'],
          150,
        )
        assert.equal(out, `1000000 bytes received, digest ${hashOf(bytes)}\n`)
        const { events } = await lab.finish('transport')
        const picked = events.filter(({ name }) => name === 'balancer:picked').map(({ data }) => data['backend'])
        assert.deepEqual(picked, ['one:80', 'two:80', 'one:80', 'two:80'])
      })
    })
  }
})
