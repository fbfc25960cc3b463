import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { hashOf, noise } from './body.ts'
import { inLab, type Lab, type WrittenEvent } from './lab.ts'
import { ADDRESS, credentials, PAGE_FILES, SEED } from './real-site.ts'

/*
 * A simulated browser over HTTP/3, through the bridge, with real servers: ngtcp2's, and Caddy, whose QUIC is quic-go. They have a certificate
 * of the scenario's authority, which the browser trusts. Each capture is decrypted by tshark with the secrets that are in it.
 */

const run = promisify(execFile)

const PORT = 8443

/** Where a server says what it was asked for; and the last thing that it is asked for. */
const LOG = 'server.log'
const LAST = 'that-is-all'

const SIZES: Readonly<Record<string, number>> = { '1.bin': 1, '100k.bin': 100_000, '2M.bin': 2_000_000 }

/** Files that a server has in its folder: a page with all that belongs to it, and some that are only large. */
const FILES: Readonly<Record<string, Uint8Array>> = {
  ...PAGE_FILES,
  ...Object.fromEntries(Object.entries(SIZES).map(([name, size]) => [name, noise(size)])),
}
const PAGE = ['index.html', 'a.css', 'b.js', 'c.png', 'd.png', 'e.woff2', 'f.json']

type Tree = Record<string, unknown>

function scenario(paths: readonly string[], browser: Tree, visit: Tree = {}, rate = '150 Mbit/s'): Tree {
  return {
    id: 'http3-browser',
    title: 'A simulated browser and a real server of HTTP/3',
    seed: SEED,
    hosts: {
      client: {
        app: 'browser',
        digest: true,
        cache: false,
        protocols: ['h3'],
        // One after the other: when the last one is asked for, all others are there.
        visits: [...paths, LAST].map((path) => ({ url: `https://server:${PORT}/${path}`, at: '200 ms', ...visit })),
        ...browser,
      },
      router: { kind: 'router' },
      server: { address: `${ADDRESS}/24` },
    },
    links: [
      { between: ['client', 'router'], rate, delay: '500 us', queue: '256 KiB' },
      { between: ['router', 'server'], rate: '1 Gbit/s', delay: '500 us' },
    ],
    knobs: { loss: { label: 'Loss', range: ['0 %', '10 %'], sets: 'links[0].loss' } },
  }
}

type Serve = (lab: Lab) => void

const gtlsserver =
  (...options: string[]): Serve =>
  (lab) => {
    const { certificate, key } = credentials(lab)
    const usual = ['--no-quic-dump', '--no-http-dump', '-d', lab.folder]
    lab.background('gtlsserver', [...usual, ...options, ADDRESS, String(PORT), key, certificate], LOG)
  }

const caddy: Serve = (lab) => {
  const { certificate, key } = credentials(lab)
  const configuration = `{
  admin off
  auto_https off
}
:${String(PORT)} {
  tls ${certificate} ${key}
  root * ${lab.folder}
  file_server
  log {
    output file ${lab.folder}/${LOG}
  }
}
`
  lab.background('env', [`HOME=${lab.folder}`, 'caddy', 'run', '--config', lab.file('Caddyfile', configuration)], 'caddy.log')
}

const SERVERS: Readonly<Record<string, Serve>> = { gtlsserver: gtlsserver(), 'Caddy (quic-go)': caddy }

/** Starts all; gives the browser's events once it has loaded everything. */
async function load(lab: Lab, plan: Tree, serve: Serve, loss: string): Promise<WrittenEvent[]> {
  for (const [file, bytes] of Object.entries(FILES)) lab.file(file, bytes)
  lab.file(LAST, 'all')
  const { prefix, gateway } = await lab.start(plan, 'server', ['--set', `loss=${loss}`], false)
  // A server that is to listen at an address has to have it; simulated time begins only when the interface is set up.
  await lab.run('ip', ['address', 'add', `${ADDRESS}/${String(prefix)}`, 'dev', 'eth0'])
  serve(lab)
  await lab.untilPrinted('ss', ['-Hulpn'], `:${String(PORT)} `)
  await lab.run('ip', ['link', 'set', 'eth0', 'up'])
  await lab.run('ip', ['route', 'add', 'default', 'via', gateway ?? ''])
  await lab.until(LOG, `/${LAST}`)
  const { events } = await lab.finish()
  assert.deepEqual(await tshark(lab, 'quic.decryption_failed', 'frame.number'), [], 'all packets are decrypted')
  assert.ok((await tshark(lab, 'http3', 'frame.number')).length > 0, 'frames of HTTP/3 are seen')
  const wrong = ['app:failed', 'http:request-failed', 'http:connection-failed']
  assert.deepEqual(
    events.filter(({ name }) => wrong.includes(name)),
    [],
  )
  return events
}

async function tshark(lab: Lab, filter: string, ...fields: string[]): Promise<string[]> {
  const options = ['-n', '-2', '-r', join(lab.folder, 'run.pcapng'), '-Y', filter, '-T', 'fields']
  const { stdout } = await run('tshark', [...options, ...fields.flatMap((field) => ['-e', field])], { maxBuffer: 1 << 28 })
  return stdout.split('\n').slice(0, -1)
}

function told(events: readonly WrittenEvent[], what: string): WrittenEvent['data'][] {
  return events.filter(({ name }) => name === what).map(({ data }) => data)
}

/** What was got, by its path, is what the server has. */
function assertGot(events: readonly WrittenEvent[], expected: readonly string[]): void {
  const paths = new Map(told(events, 'fetch:queued').map(({ id, url }) => [id, String(url).replace(/^.*\//, '')]))
  const got = told(events, 'http:response-received')
    .map(({ id, status, digest }) => [paths.get(id), status, digest])
    .filter(([path]) => path !== LAST)
  const want = expected.map((name) => [name, 200, hashOf(FILES[name === '' ? 'index.html' : name])])
  assert.deepEqual(got.sort(), want.sort())
  assert.deepEqual([...new Set(told(events, 'fetch:ended').map(({ protocol }) => protocol))], ['h3'])
}

describe('a simulated browser loads over HTTP/3 from real servers', { concurrency: 2 }, () => {
  for (const [name, serve] of Object.entries(SERVERS)) {
    for (const loss of ['0 %', '2 %']) {
      test(`${name}, ${loss} lost: a page with all that belongs to it, and large files`, async () => {
        await inLab(async (lab) => {
          const events = await load(lab, scenario(['', ...Object.keys(SIZES)], {}), serve, loss)
          assertGot(events, ['', ...PAGE.slice(1), ...Object.keys(SIZES)])
          assert.equal(told(events, 'quic:handshake-done').length, 1)
        })
      })
    }

    test(`${name}: keys are updated in the middle`, async () => {
      await inLab(async (lab) => {
        const plan = scenario(['2M.bin', '100k.bin'], { quic: { keyUpdateAfter: 15 } })
        const events = await load(lab, plan, serve, '0 %')
        assertGot(events, ['2M.bin', '100k.bin'])
        assert.ok(told(events, 'quic:key-updated').length > 0, 'keys were updated')
      })
    })
  }

  // quic-go of that time goes on speaking to the port before.
  test("gtlsserver: goes on when the browser's port is another one all of a sudden", async () => {
    await inLab(async (lab) => {
      // Not before the handshake is confirmed: until then servers overlook what comes from elsewhere (RFC 9000 section 9).
      const plan = scenario(['2M.bin', '100k.bin'], { rebinds: ['2 s', '3 s', '4 s'] }, {}, '4 Mbit/s')
      const events = await load(lab, plan, gtlsserver(), '0 %')
      assertGot(events, ['2M.bin', '100k.bin'])
      assert.equal(told(events, 'quic:port-rebound').length, 3)
    })
  })

  test('gtlsserver, which wants to see the address first (Retry)', async () => {
    await inLab(async (lab) => {
      const events = await load(lab, scenario(['', '100k.bin'], {}), gtlsserver('-V'), '0 %')
      assertGot(events, ['', ...PAGE.slice(1), '100k.bin'])
      assert.equal(told(events, 'quic:retry-received').length, 1)
    })
  })

  test('gtlsserver: sessions are resumed, and the first request goes out as 0-RTT data', async () => {
    await inLab(async (lab) => {
      // Without trying, tshark 4.0 takes 0-RTT packets for AES.
      const tls = { earlyData: true, cipherSuites: ['TLS_AES_128_GCM_SHA256'] }
      const plan = scenario(['100k.bin', '1.bin'], { tls }, { reconnect: true })
      const events = await load(lab, plan, gtlsserver(), '0 %')
      assertGot(events, ['100k.bin', '1.bin'])
      assert.deepEqual(
        // A ticket for the third one may not have come yet.
        told(events, 'quic:handshake-done')
          .slice(0, 2)
          .map(({ resumed, earlyData }) => [resumed, earlyData]),
        [
          [false, 'none'],
          [true, 'accepted'],
        ],
      )
    })
  })

  test('Caddy: HTTP/2 first, then what its Alt-Svc says', async () => {
    await inLab(async (lab) => {
      const plan = scenario(['1.bin', '100k.bin', '2M.bin'], { protocols: ['h2'] }, { reconnect: true })
      const { hosts } = plan as { hosts: { client: Tree } }
      delete hosts.client['protocols']
      const events = await load(lab, plan, caddy, '0 %')
      assert.deepEqual(
        told(events, 'fetch:ended')
          .slice(0, 3)
          .map(({ outcome, protocol }) => [outcome, protocol]),
        [
          ['complete', 'h2'],
          ['complete', 'h3'],
          ['complete', 'h3'],
        ],
      )
      assert.deepEqual(
        told(events, 'alt-svc:remembered').map(({ protocol, host, port }) => [protocol, host, port]),
        [['h3', 'server', PORT]],
      )
    })
  })

  test('a folder that nobody has is 404, and no fault of the connection', async () => {
    await inLab(async (lab) => {
      const events = await load(lab, scenario(['nothing/'], {}), caddy, '0 %')
      assert.equal(told(events, 'http:response-received')[0]?.['status'], 404)
    })
  })
})
