import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { hashOf, noise, servedHash } from './body.ts'
import { inLab, type Lab } from './lab.ts'
import { launchIn, loadPage } from './real-browser.ts'

const SIZES: Readonly<Record<string, number>> = { '/0.bin': 0, '/1.bin': 1, '/100k.bin': 100_000, '/2M.bin': 2_000_000 }

/** A web server under TLS behind a router. */
function scenario(server: Record<string, unknown> = {}) {
  return {
    id: 'https',
    title: 'Real clients of a simulated server under TLS',
    hosts: {
      client: {},
      router: { kind: 'router' },
      server: {
        app: 'web-server',
        digest: true,
        tcp: { preset: 'linux' },
        tls: { earlyData: '16 KiB' },
        serves: {
          '/': { size: '4 KiB', resources: ['/a.css', '/b.png'], push: ['/a.css'] },
          '/a.css': '2 KiB',
          '/b.png': '30 KiB',
          ...Object.fromEntries(Object.entries(SIZES).map(([path, size]) => [path, `${String(size)} B`])),
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

/** Starts it; gives the server's address. The certificate of its authority is in ca.pem. */
async function start(lab: Lab, loss: string, server: Record<string, unknown> = {}): Promise<string> {
  const ca = join(lab.folder, 'ca.pem')
  const { peers } = await lab.start(scenario(server), 'client', ['--ca', ca, '--set', `loss=${loss}`])
  return String(peers['server']?.address)
}

/** What the server was asked, and over which connections, is for the caller to look at. */
async function eventsOf(lab: Lab) {
  const { events } = await lab.finish('transport')
  const failed = events.filter(({ name }) => name === 'app:failed')
  assert.deepEqual(failed, [])
  return events
}

/** A client in its folder, as the text of a program for Node. */
async function node(lab: Lab, program: string): Promise<unknown> {
  const file = lab.file('client.mjs', program)
  const { out } = await lab.run(process.execPath, [file], 100)
  return JSON.parse(out) as unknown
}

const LOSSES = ['0 %', '2 %']

describe('a simulated server under TLS, with real clients', { concurrency: 2 }, () => {
  for (const loss of LOSSES) {
    for (const [name, options] of [
      ['HTTP/2 over TLS 1.3', ['--http2']],
      ['HTTP/1.1 over TLS 1.3', ['--http1.1']],
      ['HTTP/2 over TLS 1.2', ['--http2', '--tls-max', '1.2']],
    ] as const) {
      test(`curl, ${name}, ${loss} lost: all it gets and sends is whole`, async () => {
        await inLab(async (lab) => {
          const address = await start(lab, loss)
          const curl = [...options, '--cacert', join(lab.folder, 'ca.pem'), '-sS', '--fail']
          const version = name.startsWith('HTTP/2') ? '2' : '1.1'
          for (const [path, size] of Object.entries(SIZES)) {
            const output = ['-o', 'got.bin', '-w', '%{http_version}']
            const { out } = await lab.run('curl', [...curl, ...output, `https://${address}${path}`], 150)
            const got = await readFile(join(lab.folder, 'got.bin'))
            assert.deepEqual([out, got.length, hashOf(got)], [version, size, servedHash(path, size)], path)
            const bytes = noise(size)
            const file = lab.file('send.bin', bytes)
            const post = ['-H', 'Content-Type: application/octet-stream', '--data-binary', `@${file}`]
            const sent = await lab.run('curl', [...curl, ...post, `https://${address}/up`], 150)
            assert.equal(sent.out, `${size} bytes received, digest ${hashOf(bytes)}\n`)
          }
          await eventsOf(lab)
        })
      })
    }

    test(`Chromium, HTTP/2 and HTTP/1.1, ${loss} lost: no warning, and all of the page`, async () => {
      for (const [protocols, spoken] of [
        [['h2', 'http/1.1'], 'h2'],
        [['http/1.1'], 'http/1.1'],
      ] as const) {
        await inLab(async (lab) => {
          const address = await start(lab, loss, { protocols })
          const args = ['-connect', `${address}:443`, '-showcerts']
          const { out } = await lab.run('sh', ['-c', `openssl s_client ${args.join(' ')} </dev/null 2>/dev/null`])
          const [, intermediate] = out.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
          const browser = await launchIn(lab, [intermediate])
          try {
            const seen = await loadPage(browser, `https://${address}`, '/100k.bin')
            assert.equal(seen.status, 200)
            assert.equal(seen.digest, servedHash('/100k.bin', 100_000))
            assert.deepEqual(seen.protocols, [spoken])
            for (const path of ['/', '/a.css', '/b.png', '/100k.bin']) assert.ok(seen.names.includes(path), `${path} was loaded`)
            assert.deepEqual(seen.problems, [])
          } finally {
            await browser.close()
          }
          await eventsOf(lab)
        })
      }
    })
  }

  test('Chromium believes no certificate of an authority that nobody has heard of', async () => {
    await inLab(async (lab) => {
      const address = await start(lab, '0 %')
      const browser = await launchIn(lab, [])
      try {
        const page = await browser.newPage()
        await assert.rejects(page.goto(`https://${address}/`), /ERR_CERT_AUTHORITY_INVALID/)
      } finally {
        await browser.close()
      }
      const events = await eventsOf(lab)
      assert.equal(
        events.some(({ name }) => name === 'http:request-received'),
        false,
      )
    })
  })

  test('curl refuses what is wrong with a certificate, each by its name', async () => {
    for (const [certificate, complaint] of [
      ['expired', /certificate has expired/],
      ['not-yet-valid', /not yet valid/],
      ['wrong-name', /does not match|no alternative certificate subject name/],
      ['self-signed', /self-signed certificate/],
      ['unknown-authority', /unable to get (local )?issuer certificate|self-signed certificate in/],
    ] as const) {
      await inLab(async (lab) => {
        const address = await start(lab, '0 %', { tls: { certificate } })
        const failed = lab.run('curl', ['-sS', '--cacert', join(lab.folder, 'ca.pem'), `https://${address}/`])
        await assert.rejects(failed, complaint, certificate)
        await eventsOf(lab)
      })
    }
  })

  for (const keyType of ['p-256', 'ed25519', 'rsa']) {
    test(`openssl s_client checks a key of type ${keyType}, over TLS 1.3 and 1.2`, async () => {
      await inLab(async (lab) => {
        const address = await start(lab, '0 %', { tls: { keyType } })
        for (const version of ['-tls1_3', '-tls1_2']) {
          const args = `-connect ${address}:443 -CAfile ca.pem -verify_return_error -verify_ip ${address} ${version}`
          const { out } = await lab.run('sh', ['-c', `openssl s_client ${args} </dev/null 2>&1`])
          assert.match(out, /Verify return code: 0 \(ok\)/)
          assert.match(out, version === '-tls1_3' ? /New, TLSv1\.3/ : /New, TLSv1\.2/)
        }
        await eventsOf(lab)
      })
    })
  }

  for (const version of ['1.3', '1.2']) {
    test(`openssl s_client resumes a session of TLS ${version}`, async () => {
      await inLab(async (lab) => {
        const address = await start(lab, '0 %')
        const option = `-tls${version.replace('.', '_')}`
        const client = `openssl s_client -connect ${address}:443 -CAfile ca.pem ${option}`
        lab.file('get.txt', 'GET /1.bin HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n')
        const first = await lab.run('sh', ['-c', `(cat get.txt; sleep 1) | ${client} -sess_out session.pem 2>&1`])
        const again = await lab.run('sh', ['-c', `(cat get.txt; sleep 1) | ${client} -sess_in session.pem 2>&1`])
        assert.match(first.out, /New, TLSv1/)
        assert.match(again.out, /Reused, TLSv1/)
        assert.match(again.out, /HTTP\/1\.1 200 OK/)
        const events = await eventsOf(lab)
        const resumed = events.filter(({ name }) => name === 'tls:connected').map(({ data }) => data['resumed'])
        assert.deepEqual(resumed, [false, true])
      })
    })
  }

  test('openssl s_client sends early data, once', async () => {
    await inLab(async (lab) => {
      const address = await start(lab, '0 %')
      const client = `openssl s_client -connect ${address}:443 -CAfile ca.pem -tls1_3`
      lab.file('get.txt', 'GET /1.bin HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n')
      await lab.run('sh', ['-c', `(cat get.txt; sleep 1) | ${client} -sess_out session.pem 2>&1`])
      const early = `${client} -sess_in session.pem -early_data get.txt 2>&1`
      const first = await lab.run('sh', ['-c', `sleep 1 | ${early}`])
      assert.match(first.out, /Early data was accepted/)
      assert.match(first.out, /HTTP\/1\.1 200 OK/)
      const replayed = await lab.run('sh', ['-c', `sleep 1 | ${early}`])
      assert.match(replayed.out, /Early data was rejected/)
      const events = await eventsOf(lab)
      const outcomes = events.flatMap(({ name, data }) => (name === 'tls:connected' ? [data['earlyData']] : []))
      assert.deepEqual(outcomes, ['none', 'accepted', 'rejected'])
    })
  })

  test('nghttp gets a page, and what is pushed with it', async () => {
    await inLab(async (lab) => {
      const address = await start(lab, '0 %')
      const { out } = await lab.run('nghttp', ['-nas', `https://${address}/`])
      assert.match(out, /\* .*200 +2K \/a\.css/, 'pushed')
      assert.match(out, /200 +30K \/b\.png/)
      const events = await eventsOf(lab)
      assert.equal(events.filter(({ name }) => name === 'http:push-promised').length, 1)
    })
  })

  test('h2load: 1,000 requests on 100 streams, under TLS and in the clear', async () => {
    await inLab(async (lab) => {
      const address = await start(lab, '0 %', { protocols: ['h2', 'http/1.1'], tls: { plain: 'serve' } })
      for (const scheme of ['https', 'http']) {
        const { out } = await lab.run('h2load', ['-n1000', '-c1', '-m100', `${scheme}://${address}/a.css`], 100)
        assert.match(out, /1000 succeeded, 0 failed, 0 errored, 0 timeout/)
        assert.match(out, /status codes: 1000 2xx/)
      }
      const events = await eventsOf(lab)
      assert.equal(events.filter(({ name }) => name === 'http:response-sent').length, 2000)
    })
  })

  for (const loss of LOSSES) {
    test(`Node's http2 and https, ${loss} lost: fifty streams at a time, and one request after the other`, async () => {
      await inLab(async (lab) => {
        const address = await start(lab, loss)
        const digest = servedHash('/100k.bin', 100_000)
        const preamble = `
          import { createHash } from 'node:crypto'
          import { readFileSync } from 'node:fs'
          const ca = readFileSync('ca.pem')
          const hashed = async (stream) => {
            const hash = createHash('sha256')
            for await (const piece of stream) hash.update(piece)
            return hash.digest('hex')
          }
        `
        const http2 = await node(
          lab,
          `${preamble}
          import { connect } from 'node:http2'
          const session = connect('https://${address}', { ca })
          const all = Array.from({ length: 50 }, () => hashed(session.request({ ':path': '/100k.bin' })))
          console.log(JSON.stringify([...new Set(await Promise.all(all))]))
          session.close()`,
        )
        assert.deepEqual(http2, [digest])
        const https = await node(
          lab,
          `${preamble}
          import { Agent, get } from 'node:https'
          const agent = new Agent({ ca, keepAlive: true, maxSockets: 1 })
          const seen = []
          for (let i = 0; i < 3; i++) {
            const response = await new Promise((done, fail) => get({ host: '${address}', path: '/100k.bin', agent }, done).on('error', fail))
            seen.push(await hashed(response))
          }
          agent.destroy()
          console.log(JSON.stringify(seen))`,
        )
        assert.deepEqual(https, [digest, digest, digest])
        await eventsOf(lab)
      })
    })
  }

  test("Node's tls shows its own certificate only where it is asked for; without one it is turned away", async () => {
    await inLab(async (lab) => {
      const address = await start(lab, '0 %', { tls: { clientAuthentication: 'required', versions: ['1.3'] } })
      const outcome = await node(
        lab,
        `import { connect } from 'node:tls'
        import { readFileSync } from 'node:fs'
        const socket = connect({ host: '${address}', port: 443, ca: readFileSync('ca.pem') })
        socket.on('error', (error) => { console.log(JSON.stringify(error.code)) })
        socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'))`,
      )
      assert.equal(outcome, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')
      const events = await eventsOf(lab)
      assert.equal(
        events.some(({ name }) => name === 'http:request-received'),
        false,
      )
    })
  })
})
