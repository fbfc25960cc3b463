import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { hashOf, noise, servedHash } from './body.ts'
import { inLab, type Lab, type WrittenEvent } from './lab.ts'
import { launchIn, loadPage } from './real-browser.ts'

/*
 * A simulated web server over QUIC, through the bridge, with real clients: ngtcp2's, and Chromium. Each capture is decrypted by tshark with
 * the secrets that are in it.
 */

const run = promisify(execFile)

const SIZES: Readonly<Record<string, number>> = { '/0.bin': 0, '/1.bin': 1, '/100k.bin': 100_000, '/2M.bin': 2_000_000 }
const LOSSES = ['0 %', '2 %']

/** A web server that speaks HTTP/3 behind a router. */
function scenario(server: Record<string, unknown> = {}) {
  return {
    id: 'http3',
    title: 'Real clients of a simulated server over HTTP/3',
    hosts: {
      client: {},
      router: { kind: 'router' },
      server: {
        app: 'web-server',
        digest: true,
        tcp: { preset: 'linux' },
        protocols: ['h3', 'h2'],
        tls: { earlyData: '16 KiB' },
        serves: {
          '/': { size: '4 KiB', resources: ['/a.css', '/b.png'] },
          '/a.css': '2 KiB',
          '/b.png': '30 KiB',
          ...Object.fromEntries(Object.entries(SIZES).map(([path, size]) => [path, `${String(size)} B`])),
          '/slow.bin': { size: '50 KiB', delay: '1500 ms' },
        },
        ...server,
      },
    },
    links: [
      { between: ['client', 'router'], rate: '150 Mbit/s', delay: '500 us', queue: '256 KiB' },
      { between: ['router', 'server'], rate: '1 Gbit/s', delay: '500 us' },
    ],
    knobs: { loss: { label: 'Loss', range: ['0 %', '10 %'], sets: 'links[0].loss' } },
  }
}

/** Starts it; gives the server's address. */
async function start(lab: Lab, loss: string, server: Record<string, unknown> = {}): Promise<string> {
  const { peers } = await lab.start(scenario(server), 'client', ['--set', `loss=${loss}`])
  // Addresses that are still being made would be a change of the network, in the middle of a connection.
  await lab.run('sysctl', ['-qw', 'net.ipv6.conf.eth0.disable_ipv6=1'])
  return String(peers['server']?.address)
}

/** Fields of those frames of the capture that a filter lets through. */
async function tshark(lab: Lab, filter: string, ...fields: string[]): Promise<string[]> {
  const options = ['-n', '-2', '-r', join(lab.folder, 'run.pcapng'), '-Y', filter, '-T', 'fields']
  const { stdout } = await run('tshark', [...options, ...fields.flatMap((field) => ['-e', field])], { maxBuffer: 1 << 28 })
  return stdout.split('\n').slice(0, -1)
}

/** Ends the bridge. The capture is whole, right, and decrypted in all its packets but those that nobody could decrypt. */
async function eventsOf(lab: Lab): Promise<WrittenEvent[]> {
  const { events } = await lab.finish()
  assert.deepEqual(
    events.filter(({ name }) => name === 'app:failed'),
    [],
  )
  assert.deepEqual(await tshark(lab, 'quic.decryption_failed', 'frame.number'), [], 'all packets are decrypted')
  assert.ok((await tshark(lab, 'http3', 'frame.number')).length > 0, 'frames of HTTP/3 are seen')
  return events
}

function told(events: readonly WrittenEvent[], what: string): WrittenEvent['data'][] {
  return events.filter(({ name }) => name === what).map(({ data }) => data)
}

interface Wish {
  readonly options?: readonly string[]
  readonly paths: readonly string[]
}

/** Has ngtcp2's client get some paths, and gives what it said. What it got is in the folder `got`. */
async function gtlsclient(lab: Lab, address: string, { options = [], paths }: Wish): Promise<string> {
  mkdirSync(join(lab.folder, 'got'), { recursive: true })
  const common = ['--exit-on-all-streams-close', '--no-quic-dump', '--no-http-dump', '--download=got', '--sni=server']
  const addresses = paths.map((path) => `https://server${path}`)
  const { out, err } = await lab.run('gtlsclient', [...common, ...options, address, '443', ...addresses], 150)
  return out + err
}

async function assertGot(lab: Lab, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const got = await readFile(join(lab.folder, 'got', path.slice(1)))
    assert.deepEqual([got.length, hashOf(got)], [SIZES[path], servedHash(path, SIZES[path])], path)
  }
}

const FILES = ['/1.bin', '/100k.bin', '/2M.bin']

describe('a simulated server over HTTP/3, with real clients', { concurrency: 2 }, () => {
  for (const loss of LOSSES) {
    test(`gtlsclient, ${loss} lost: all it gets and sends is whole`, async () => {
      await inLab(async (lab) => {
        const address = await start(lab, loss)
        await gtlsclient(lab, address, { paths: FILES })
        await assertGot(lab, FILES)
        const sent = noise(300_000)
        await gtlsclient(lab, address, { options: ['-m', 'POST', '-d', lab.file('up.bin', sent)], paths: ['/up'] })
        const events = await eventsOf(lab)
        const posted = told(events, 'http:request-received').find(({ target }) => target === '/up')
        assert.deepEqual([posted?.['method'], posted?.['bytes'], posted?.['digest']], ['POST', 300_000, hashOf(sent)])
        assert.deepEqual(
          told(events, 'quic:handshake-done').map(({ alpn, version, resumed }) => [alpn, version, resumed]),
          [
            ['h3', 1, false],
            ['h3', 1, false],
          ],
        )
      })
    })

    test(`gtlsclient, ${loss} lost: a hundred requests on one connection`, async () => {
      await inLab(async (lab) => {
        const address = await start(lab, loss)
        await gtlsclient(lab, address, { options: ['-n', '100'], paths: ['/a.css'] })
        const events = await eventsOf(lab)
        const answered = told(events, 'http:response-sent').filter(({ status }) => status === 200)
        assert.equal(new Set(answered.map(({ stream }) => stream)).size, 100)
      })
    })

    test(`Chromium, ${loss} lost: HTTP/3 for a page and all that belongs to it, without a warning`, async () => {
      await inLab(async (lab) => {
        const address = await start(lab, loss)
        const args = `-connect ${address}:443 -alpn h2 -showcerts`
        const { out } = await lab.run('sh', ['-c', `openssl s_client ${args} </dev/null 2>/dev/null`], 60)
        const [leaf] = out.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
        const browser = await launchIn(lab, leaf === undefined ? [] : [leaf], [`${address}:443`])
        try {
          const seen = await loadPage(browser, `https://${address}`, '/2M.bin')
          assert.equal(seen.status, 200)
          assert.equal(seen.digest, servedHash('/2M.bin', 2_000_000))
          assert.deepEqual(seen.protocols, ['h3'])
          for (const path of ['/', '/a.css', '/b.png', '/2M.bin']) assert.ok(seen.names.includes(path), `${path} was loaded`)
          assert.deepEqual(seen.problems, [])
        } finally {
          await browser.close()
        }
        const events = await eventsOf(lab)
        const [done] = told(events, 'quic:handshake-done')
        assert.deepEqual([done?.['alpn'], done?.['role']], ['h3', 'server'])
      })
    })
  }

  test('gtlsclient resumes, and sends its requests as 0-RTT data', async () => {
    await inLab(async (lab) => {
      // Of 0-RTT packets tshark has to guess the cipher; by their headers it takes many for those of the first that it tries.
      const cipherSuites = ['TLS_AES_128_GCM_SHA256']
      const address = await start(lab, '0 %', { tls: { earlyData: '16 KiB', cipherSuites } })
      const options = ['--session-file=session', '--tp-file=parameters']
      await gtlsclient(lab, address, { options, paths: ['/100k.bin'] })
      const files = await readdir(lab.folder)
      assert.ok(files.includes('session') && files.includes('parameters'), 'it has kept a ticket')
      await gtlsclient(lab, address, { options, paths: ['/1.bin'] })
      const events = await eventsOf(lab)
      assert.deepEqual(
        told(events, 'quic:handshake-done').map(({ resumed, earlyData }) => [resumed, earlyData]),
        [
          [false, 'none'],
          [true, 'accepted'],
        ],
      )
      assert.deepEqual(
        told(events, 'http:request-received').map(({ target, early }) => [target, early ?? false]),
        [
          ['/100k.bin', false],
          ['/1.bin', true],
        ],
      )
      assert.ok((await tshark(lab, 'quic.long.packet_type == 1', 'frame.number')).length > 0, 'there are packets of 0-RTT')
    })
  })

  test('gtlsclient shows its address to be its own by a Retry', async () => {
    await inLab(async (lab) => {
      const address = await start(lab, '0 %', { quic: { retry: 'always' } })
      await gtlsclient(lab, address, { paths: ['/100k.bin'] })
      await assertGot(lab, ['/100k.bin'])
      const events = await eventsOf(lab)
      assert.equal(told(events, 'quic:retry-sent').length, 1)
      assert.equal((await tshark(lab, 'quic.long.packet_type == 3', 'frame.number')).length, 1)
    })
  })

  test('gtlsclient updates its keys, and moves to another port, in the middle of a response', async () => {
    for (const [option, event] of [
      ['--key-update=100ms', 'quic:key-updated'],
      ['--change-local-addr=100ms', 'quic:migrated'],
    ] as const) {
      await inLab(async (lab) => {
        const address = await start(lab, '0 %')
        await gtlsclient(lab, address, { options: [option], paths: ['/slow.bin', '/2M.bin'] })
        await assertGot(lab, ['/2M.bin'])
        const events = await eventsOf(lab)
        assert.ok(told(events, event).length > 0, event)
        assert.equal(told(events, 'http:response-sent').length, 2)
      })
    }
  })

  test('a NAT that forgets: gtlsclient goes on by another port without a word', async () => {
    await inLab(async (lab) => {
      const address = await start(lab, '0 %')
      // Who only listened would say nothing by the new port, and never be heard of again.
      const sent = noise(2_000_000)
      const upload = ['-m', 'POST', '-d', lab.file('up.bin', sent)]
      await gtlsclient(lab, address, { options: [...upload, '--change-local-addr=20ms', '--nat-rebinding'], paths: ['/up'] })
      const events = await eventsOf(lab)
      const [posted] = told(events, 'http:request-received')
      assert.deepEqual([posted?.['bytes'], posted?.['digest']], [sent.length, hashOf(sent)])
      assert.ok(told(events, 'quic:migrated').length > 0, 'the server goes along')
    })
  })

  test('every cipher suite and group that gtlsclient shares with us', async () => {
    await inLab(async (lab) => {
      const address = await start(lab, '0 %')
      const none = 'NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL'
      const suites = ['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305'].map((suite) => `--ciphers=${none}:+${suite}`)
      const groups = ['X25519', 'SECP256R1'].map((group) => `--groups=-GROUP-ALL:+GROUP-${group}`)
      // The second has to be asked for, as its share is not sent at first.
      const asked = '--groups=-GROUP-ALL:+GROUP-SECP384R1:+GROUP-SECP256R1'
      for (const option of [...suites, ...groups, asked]) {
        await gtlsclient(lab, address, { options: [option], paths: ['/100k.bin'] })
        await assertGot(lab, ['/100k.bin'])
      }
      const done = told(await eventsOf(lab), 'quic:handshake-done')
      assert.deepEqual(
        done.slice(0, 3).map(({ cipherSuite }) => cipherSuite),
        ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
      )
      assert.deepEqual(
        done.slice(3).map(({ group, retried }) => [group, retried]),
        [
          ['x25519', false],
          ['secp256r1', false],
          ['secp256r1', true],
        ],
      )
    })
  })

  test('gtlsclient over IPv6, where a router in the middle takes smaller packets only', async () => {
    await inLab(async (lab) => {
      const plan = scenario({ ip: 'v6' })
      const hosts = { ...plan.hosts, client: { ip: 'v6' }, router: { kind: 'router', ip: 'v6' } }
      const [near, far] = plan.links
      const { address6, peers } = await lab.start({ ...plan, hosts, links: [near, { ...far, mtu: '1400 B' }] }, 'client')
      const address = String(peers['server']?.address6)
      await lab.untilPrinted('ip', ['-6', 'address', 'show', 'dev', 'eth0', 'scope', 'global', '-tentative'], address6 ?? 'none')
      await gtlsclient(lab, address, { paths: FILES })
      await assertGot(lab, FILES)
      const sent = noise(300_000)
      await gtlsclient(lab, address, { options: ['-m', 'POST', '-d', lab.file('up.bin', sent)], paths: ['/up'] })
      const events = await eventsOf(lab)
      const posted = told(events, 'http:request-received').find(({ target }) => target === '/up')
      assert.equal(posted?.['digest'], hashOf(sent))
    })
  })

  test('a version that nobody speaks: we say which we do, and gtlsclient comes again', async () => {
    await inLab(async (lab) => {
      const address = await start(lab, '0 %')
      await gtlsclient(lab, address, { options: ['-v', '0x1a2a3a4a', '--preferred-versions=v1'], paths: ['/1.bin'] })
      await assertGot(lab, ['/1.bin'])
      await lab.finish()
      assert.ok((await tshark(lab, 'quic.version == 0', 'frame.number')).length > 0, 'Version Negotiation was sent')
    })
  })
})
