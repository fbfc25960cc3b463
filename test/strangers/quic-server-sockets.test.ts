import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import { chromium } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/check/chromium.ts'
import { credentialsOf } from '../protocols/tls/tls-pair.ts'
import { get, send, serving } from './quic-served.ts'

/*
 * Our server of QUIC and HTTP/3 alone, over plain UDP sockets of this machine, with clients that nobody here wrote.
 */

const LOSSES = [0, 0.02]

describe('our server of HTTP/3 over plain UDP sockets, with real clients', { concurrency: 2 }, () => {
  for (const loss of LOSSES) {
    test(`gtlsclient, ${String(loss * 100)} % lost: what it gets is whole`, async () => {
      await serving(
        async (served, folder) => {
          await get(served, folder, ['/1.bin', '/b.png', '/2M.bin'])
          assert.deepEqual(
            served.told('connected').map(({ alpn, version }) => [alpn, version]),
            [['h3', 1]],
          )
        },
        { loss },
      )
    })

    test(`Chromium, ${String(loss * 100)} % lost: a page and what belongs to it over HTTP/3`, async () => {
      await serving(
        async ({ port }) => {
          const program = await findChromium()
          assert.ok(program !== undefined, 'no Chromium: name one in CHROMIUM')
          const [certificate] = credentialsOf().chain
          const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
          const pin = createHash('sha256').update(key).digest('base64')
          const origin = `127.0.0.1:${String(port)}`
          const flags = CHROMIUM_FLAGS.filter((flag) => flag !== '--disable-quic')
          const quic = [`--origin-to-force-quic-on=${origin}`, `--ignore-certificate-errors-spki-list=${pin}`]
          const browser = await chromium.launch({ executablePath: program, args: [...flags, ...quic] })
          try {
            const page = await browser.newPage()
            const response = await page.goto(`https://${origin}/`, { waitUntil: 'load', timeout: 60_000 })
            assert.equal(response?.status(), 200)
            const seen = await page.evaluate(async () => {
              const { byteLength } = await (await fetch('/2M.bin')).arrayBuffer()
              const entries = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
              return { byteLength, protocols: entries.map((entry) => (entry as PerformanceResourceTiming).nextHopProtocol) }
            })
            assert.equal(seen.byteLength, 2_000_000)
            assert.ok(seen.protocols.length >= 4, 'the page, its style, its picture, and a download')
            assert.deepEqual([...new Set(seen.protocols)], ['h3'])
          } finally {
            await browser.close()
          }
        },
        { loss },
      )
    })
  }

  test('gtlsclient answers a Retry, and its address is known then', async () => {
    await serving(
      async (served, folder) => {
        await get(served, folder, ['/b.png'])
        assert.deepEqual(served.answers, ['retry-sent'])
      },
      { quic: { retry: 'always' } },
    )
  })

  test('gtlsclient resumes, and asks with 0-RTT data', async () => {
    await serving(async (served, folder) => {
      const kept = ['--session-file=session', '--tp-file=parameters']
      await get(served, folder, ['/2M.bin'], ...kept)
      await get(served, folder, ['/1.bin'], ...kept)
      assert.deepEqual(
        served.told('connected').map(({ resumed, earlyData }) => [resumed, earlyData]),
        [
          [false, 'none'],
          [true, 'accepted'],
        ],
      )
    })
  })

  test('gtlsclient updates its keys and moves while it loses packets', async () => {
    for (const [option, type] of [
      ['--key-update=5ms', 'key-updated'],
      ['--change-local-addr=5ms', 'path-migrated'],
    ] as const) {
      await serving(async (served, folder) => {
        await get(served, folder, ['/2M.bin'], option, '-t', '0.02', '-r', '0.02')
        assert.ok(served.told(type).length > 0, `${option}: ${type}`)
      })
    }
  })

  test('a NAT forgets gtlsclient while it sends', async () => {
    // Who only listened would say nothing by the new port, and never be heard of again.
    await serving(async (served, folder) => {
      await send(served, folder, 3_000_000, '--change-local-addr=5ms', '--nat-rebinding')
      assert.ok(served.told('path-migrated').length > 0, 'the server goes along')
    })
  })

  test('a hundred requests at once on one connection', async () => {
    await serving(async (served, folder) => {
      await get(served, folder, ['/b.png'], '-n', '100')
      assert.equal(served.requests.length, 100)
    })
  })
})
