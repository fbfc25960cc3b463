import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { TlsTickets } from '../../src/protocols/tls/tickets.ts'
import { openPlug } from './datagram-socket.ts'
import { ask, get, send, serving } from './quic-served.ts'
import { pemFolder } from './tls-peers.ts'

/*
 * What else ngtcp2's client can ask of our server of QUIC, over plain UDP sockets of this machine.
 */

const NONE = 'NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL'
const KEPT = ['--session-file=session', '--tp-file=parameters']

function random(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}

/** Does something with a folder that is gone afterwards. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'packetarium-quic-'))
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe('our server of QUIC, and what gtlsclient can ask of it', { concurrency: 2 }, () => {
  const GETS: Readonly<Record<string, readonly string[]>> = {
    'connection IDs of no bytes': ['--scid='],
    'connection IDs of 18 bytes': [`--scid=${'01'.repeat(18)}`, `--dcid=${'02'.repeat(18)}`],
    'windows of a few packets': [
      '--max-data=10K',
      '--max-stream-data-bidi-local=5K',
      '--max-window=10K',
      '--max-stream-window=5K',
    ],
    'as few streams as HTTP/3 needs': ['--max-streams-uni=3'],
    'datagrams of 1,200 bytes': ['--no-pmtud', '--max-udp-payload-size=1200'],
    'acknowledgements of every fiftieth packet': ['--ack-thresh=50'],
    'requests that come late': ['--delay-stream=100ms'],
    'a tenth of all packets lost, both ways': ['-t', '0.1', '-r', '0.1'],
    'a new path and new keys at once, under loss': ['--change-local-addr=3ms', '--key-update=3ms', '-t', '0.03', '-r', '0.03'],
    'a new path at once': ['--change-local-addr=1ms'],
  }
  for (const [name, options] of Object.entries(GETS)) {
    test(name, async () => {
      await serving(async (served, folder) => {
        await get(served, folder, ['/2M.bin', '/b.png'], ...options)
        assert.equal(served.told('connected').length, 1)
      })
    })
  }

  test('a third of all packets lost, from the first on', async () => {
    await serving(async (served, folder) => {
      const patience = ['--handshake-timeout=60s', '--timeout=60s', '--initial-rtt=20ms']
      await get(served, folder, ['/b.png'], '-t', '0.3', '-r', '0.3', ...patience)
    })
  })

  const SENDS: Readonly<Record<string, readonly string[]>> = {
    'under loss': ['-t', '0.03', '-r', '0.03'],
    'while keys are updated': ['--key-update=3ms'],
    'while the client moves': ['--change-local-addr=3ms'],
  }
  for (const [name, options] of Object.entries(SENDS)) {
    test(`2 MB are sent to us ${name}`, async () => {
      await serving(async (served, folder) => {
        await send(served, folder, 2_000_000, ...options)
      })
    })
  }

  test('three hundred requests on one connection', async () => {
    await serving(async (served, folder) => {
      await get(served, folder, ['/1.bin'], '-n', '300')
      assert.equal(served.requests.length, 300)
    })
  })

  test('somebody on the way sends along what is nearly like each datagram, and each one twice', async () => {
    await serving(
      async (served, folder) => {
        await get(served, folder, ['/2M.bin', '/b.png'], '--key-update=5ms')
        await send(served, folder, 300_000)
        assert.equal(served.told('connected').length, 2)
      },
      { isMeddledWith: true },
    )
  })

  test('0-RTT data behind a Retry', async () => {
    await serving(
      async (served, folder) => {
        await get(served, folder, ['/1.bin'], ...KEPT)
        await get(served, folder, ['/b.png'], ...KEPT)
        assert.deepEqual(
          served.told('connected').map(({ resumed, earlyData }) => [resumed, earlyData]),
          [
            [false, 'none'],
            [true, 'accepted'],
          ],
        )
        assert.deepEqual(served.answers, ['retry-sent', 'retry-sent'])
      },
      { quic: { retry: 'always' } },
    )
  })

  test('100 kB are sent as 0-RTT data, as far as the window of the beginning goes, and answers are lost', async () => {
    await serving(async (served, folder) => {
      await get(served, folder, ['/1.bin'], ...KEPT)
      // Of what it sends itself nothing is lost: an Initial packet that it sends again is no longer large enough to be taken.
      await send(served, folder, 100_000, ...KEPT, '-r', '0.1')
      const [, { resumed, earlyData }] = served.told('connected')
      assert.deepEqual([resumed, earlyData], [true, 'accepted'])
      assert.ok(
        served.told('stream-data').some(({ early }) => early),
        'there were some',
      )
    })
  })

  test('a session is resumed without 0-RTT data', async () => {
    await serving(async (served, folder) => {
      await get(served, folder, ['/1.bin'], ...KEPT)
      await get(served, folder, ['/b.png'], ...KEPT, '--disable-early-data')
      assert.deepEqual(
        served.told('connected').map(({ resumed }) => resumed),
        [false, true],
      )
      assert.deepEqual(
        served.told('stream-data').filter(({ early }) => early),
        [],
      )
    })
  })

  test('a server that takes no 0-RTT data any more: they are sent again', async () => {
    const tickets = new TlsTickets({ random })
    await inFolder(async (folder) => {
      const kept = [`--session-file=${join(folder, 'session')}`, `--tp-file=${join(folder, 'parameters')}`]
      await serving((served, place) => get(served, place, ['/1.bin'], ...kept), { tls: { tickets } })
      await serving(
        async (served, place) => {
          await get(served, place, ['/b.png'], ...kept)
          const [{ earlyData }] = served.told('connected')
          assert.equal(earlyData, 'rejected')
        },
        { tls: { tickets }, quic: { earlyData: false } },
      )
    })
  })

  test('a client that proves who it is', async () => {
    const pem = pemFolder()
    try {
      const own = [`--key=${pem.file('client.pem')}`, `--cert=${pem.file('client.pem')}`]
      await serving(
        async (served, folder) => {
          await get(served, folder, ['/b.png'], ...own)
          const [{ peerChain }] = served.told('connected')
          assert.equal(peerChain?.length, 1)
        },
        { tls: { clientAuthentication: 'required' } },
      )
    } finally {
      pem.remove()
    }
  })

  test('the address that we would rather be asked at: it goes there', async () => {
    const plugs = [await openPlug(), await openPlug()]
    const [, { local: ipv4 }] = plugs
    await serving(
      async (served, folder) => {
        await get(served, folder, ['/2M.bin', '/b.png'])
        assert.deepEqual(
          served.told('path-migrated').map(({ local }) => local.port),
          [ipv4.port],
        )
      },
      { plugs, quic: { preferredAddress: { ipv4 } } },
    )
  })

  const REFUSED: Readonly<Record<string, readonly [readonly string[], RegExp]>> = {
    'no cipher suite in common': [[`--ciphers=${NONE}:+AES-128-CCM`], /^CRYPTO_ERROR \(handshake_failure\)$/],
    'no group in common': [['--groups=-GROUP-ALL:+GROUP-FFDHE2048'], /^CRYPTO_ERROR \(handshake_failure\)$/],
  }
  for (const [name, [options, expected]] of Object.entries(REFUSED)) {
    test(`${name}: refused with an alert that the client understands`, async () => {
      await serving(async (served, folder) => {
        await ask(served, folder, ['/1.bin'], options).catch(() => undefined)
        assert.deepEqual(served.told('connected'), [])
        const [{ error }] = served.told('draining')
        assert.match(error?.name ?? '', expected)
        assert.equal(error?.noticedBy, 'us')
      })
    })
  }

  test('a client that requires a name which is not ours to answer for', async () => {
    await serving(
      async (served, folder) => {
        await ask(served, folder, ['/1.bin'], ['--sni=eve']).catch(() => undefined)
        const [{ error }] = served.told('draining')
        assert.equal(error?.name, 'CRYPTO_ERROR (unrecognized_name)')
      },
      { tls: { credentials: () => undefined } },
    )
  })
})
