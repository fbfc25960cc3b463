import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { hashOf, noise } from './body.ts'
import { inLab, type Lab } from './lab.ts'

const SIZES: Readonly<Record<string, number>> = { '0.bin': 0, '1.bin': 1, '100k.bin': 100_000, '2M.bin': 2_000_000 }
const PORT = 8443

/** Where a server says what it was asked for. */
const LOG = 'access.log'
const LAST = 'that-is-all'

/** A simulated browser, whose server is outside. @param roots whom it trusts, in PEM */
function scenario(roots: readonly string[], browser: Record<string, unknown>) {
  return {
    id: 'https-browser',
    title: 'A simulated client of a real server under TLS',
    hosts: {
      client: {
        app: 'browser',
        digest: true,
        tcp: { preset: 'linux' },
        // Pages are loaded one after the other: when the last one is asked for, all others are there.
        visits: [...Object.keys(SIZES), LAST].map((name) => ({
          url: `https://server:${PORT}/${name}`,
          at: '200 ms',
          reconnect: true,
        })),
        tls: { roots },
        ...browser,
      },
      router: { kind: 'router' },
      server: {},
    },
    links: [
      { between: ['client', 'router'], rate: '150 Mbit/s', delay: '500 us', queue: '256 KiB' },
      { between: ['router', 'server'], rate: '1 Gbit/s', delay: '500 us' },
    ],
    knobs: { loss: { label: 'Loss', range: ['0 %', '10 %'], sets: 'links[1].loss' } },
  }
}

const CA_CONFIGURATION = `
[ca]
default_ca = lab
[lab]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = anything
[anything]
commonName = supplied
`

/**
 * Makes an authority, and a certificate of its for `server`, valid from before the day on which every run begins.
 * @returns the authority's certificate
 */
function certify(lab: Lab): string {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: lab.folder, stdio: 'pipe' })
  }
  lab.file('index.txt', '')
  lab.file('serial', '1000\n')
  lab.file('ca.cnf', CA_CONFIGURATION)
  lab.file('ca.ext', 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n')
  lab.file('server.ext', 'subjectAltName=DNS:server\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n')
  const request = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-batch']
  const validity = ['-startdate', '20250101000000Z', '-enddate', '20490101000000Z']
  const sign = ['ca', '-batch', '-notext', '-config', 'ca.cnf', ...validity, '-keyfile', 'ca.key']
  openssl(...request, '-subj', '/CN=Lab Root', '-keyout', 'ca.key', '-out', 'ca.csr')
  openssl(...sign, '-selfsign', '-extfile', 'ca.ext', '-in', 'ca.csr', '-out', 'ca.pem')
  openssl(...request, '-subj', '/CN=server', '-keyout', 'server.key', '-out', 'server.csr')
  openssl(...sign, '-cert', 'ca.pem', '-extfile', 'server.ext', '-in', 'server.csr', '-out', 'server.pem')
  return readFileSync(join(lab.folder, 'ca.pem'), 'utf8')
}

interface Server {
  readonly serve: (lab: Lab) => void
  readonly alpn: string
  readonly version?: string
}

const nginx =
  (listen: string, more = ''): Server['serve'] =>
  (lab) => {
    const configuration = `
daemon off; user root; worker_processes 1; pid ${lab.folder}/nginx.pid; error_log ${lab.folder}/error.log;
events {}
http { access_log ${lab.folder}/${LOG}; root ${lab.folder};
  server { listen ${PORT} ${listen}; ssl_certificate ${lab.folder}/server.pem; ssl_certificate_key ${lab.folder}/server.key; ${more} } }
`
    lab.background('nginx', ['-c', lab.file('nginx.conf', configuration), '-e', `${lab.folder}/error.log`], 'nginx.log')
  }

const openssl =
  (...more: string[]): Server['serve'] =>
  (lab) => {
    const files = ['-cert', 'server.pem', '-key', 'server.key', '-accept', String(PORT)]
    lab.background('openssl', ['s_server', '-WWW', ...files, ...more], LOG)
  }

const SERVERS: Readonly<Record<string, Server>> = {
  'nginx, HTTP/2': { serve: nginx('ssl http2', 'ssl_protocols TLSv1.3;'), alpn: 'h2' },
  'nginx, HTTP/1.1 over TLS 1.2': { serve: nginx('ssl', 'ssl_protocols TLSv1.2;'), alpn: 'http/1.1', version: '1.2' },
  nghttpd: {
    serve: (lab) => {
      lab.background('nghttpd', ['-v', '-d', lab.folder, String(PORT), 'server.key', 'server.pem'], LOG)
    },
    alpn: 'h2',
  },
  'openssl s_server, TLS 1.3': { serve: openssl('-tls1_3'), alpn: '' },
  'openssl s_server, TLS 1.2': { serve: openssl('-tls1_2'), alpn: '', version: '1.2' },
  'openssl s_server, which wants another group': { serve: openssl('-tls1_3', '-groups', 'P-256'), alpn: '' },
  "Node's http2": {
    serve: (lab) => {
      const program = `
        import { createSecureServer } from 'node:http2'
        import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs'
        const server = createSecureServer({ key: readFileSync('server.key'), cert: readFileSync('server.pem') })
        server.on('stream', (stream, headers) => {
          const file = '.' + headers[':path']
          console.log(file)
          if (!existsSync(file)) stream.respond({ ':status': 404 }, { endStream: true })
          else {
            stream.respond({ 'content-length': statSync(file).size })
            createReadStream(file).pipe(stream)
          }
        })
        server.listen(${PORT})`
      lab.background(process.execPath, [lab.file('server.mjs', program)], LOG)
    },
    alpn: 'h2',
  },
}

describe('a simulated browser, with real servers under TLS', { concurrency: 2 }, () => {
  for (const [name, { serve, alpn, version = '1.3' }] of Object.entries(SERVERS)) {
    for (const loss of ['0 %', '2 %']) {
      test(`${name} serves it everything, ${loss} lost`, async () => {
        await inLab(async (lab) => {
          const expected = Object.entries(SIZES).map(([file, size]) => {
            const bytes = noise(size)
            lab.file(file, bytes)
            return [200, size, hashOf(bytes)]
          })
          lab.file(LAST, 'all')
          const ready = await lab.start(scenario([certify(lab)], {}), 'server', ['--set', `loss=${loss}`], false)
          serve(lab)
          await lab.untilListening(PORT)
          await lab.takeOn(ready)
          await lab.until(LOG, LAST, 60)
          const { events } = await lab.finish('transport')
          const responses = events.filter(({ name: event }) => event === 'http:response-received')
          assert.deepEqual(
            responses.slice(0, expected.length).map(({ data }) => [data['status'], data['bytes'], data['digest']]),
            expected,
          )
          const connected = events.filter(({ name: event }) => event === 'tls:connected')
          for (const { data } of connected) assert.deepEqual([data['version'], data['alpn']], [version, alpn])
        })
      })
    }
  }

  test('what is wrong with a real certificate, it says as other browsers do', async () => {
    for (const [roots, error] of [
      [[], 'ERR_CERT_AUTHORITY_INVALID'],
      [undefined, 'ERR_CERT_COMMON_NAME_INVALID'],
    ] as const) {
      await inLab(async (lab) => {
        const own = certify(lab)
        const plan = scenario(roots ?? [own], {})
        // By its address, which is not in the certificate.
        if (roots === undefined) plan.hosts.client.visits = [{ url: `https://10.0.1.1:${PORT}/`, at: '200 ms', reconnect: true }]
        const ready = await lab.start(plan, 'server', ['--until', '3 s'], false)
        openssl('-tls1_3')(lab)
        await lab.untilListening(PORT)
        await lab.takeOn(ready)
        const { events } = await lab.results('transport')
        const refused = events.filter(({ name: event }) => event === 'tls:certificate-refused').map(({ data }) => data['error'])
        assert.deepEqual([...new Set(refused)], [error])
      })
    }
  })
})
