import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hashOf } from './body.ts'
import { inLab, type Lab } from './lab.ts'
import { ADDRESS, credentials, PAGE_FILES, SEED } from './real-site.ts'

/*
 * A simulated browser loads whole pages, under TLS and without, from servers that nobody here wrote. They have a certificate of the scenario's
 * authority, which the browser trusts.
 */

/** The same page twice, the second time over new connections. */
function scenario(url: string, protocols: readonly string[]) {
  const visit = { url, at: '100 ms', reconnect: true }
  return {
    id: 'browser',
    title: 'A simulated browser and a real server',
    seed: SEED,
    hosts: {
      client: {
        app: 'browser',
        digest: true,
        cache: false,
        protocols,
        tcp: { preset: 'linux' },
        visits: [visit, { ...visit, at: '2 s' }],
        tls: { resumption: true },
      },
      router: { kind: 'router' },
      server: { address: `${ADDRESS}/24` },
    },
    links: [
      { between: ['client', 'router'], rate: '150 Mbit/s', delay: '500 us', queue: '256 KiB' },
      { between: ['router', 'server'], rate: '1 Gbit/s', delay: '500 us' },
    ],
    knobs: { loss: { label: 'Loss', range: ['0 %', '10 %'], sets: 'links[0].loss' } },
  }
}

function nginx(lab: Lab, listen: string): void {
  const { certificate, key } = credentials(lab)
  const configuration = `
daemon off; user root; worker_processes 1; pid ${lab.folder}/nginx.pid; error_log ${lab.folder}/error.log;
events {}
http {
  access_log off; root ${lab.folder};
  types { text/html html; text/css css; text/javascript js; image/png png; }
  server { listen ${listen}; ssl_certificate ${certificate}; ssl_certificate_key ${key}; }
}
`
  lab.background('nginx', ['-c', lab.file('nginx.conf', configuration), '-e', `${lab.folder}/error.log`], 'nginx.log')
}

interface Stranger {
  readonly protocol: 'http/1.1' | 'h2'
  readonly scheme: 'http' | 'https'
  readonly serve: (lab: Lab) => void
  /** Whether sessions are resumed. */
  readonly resumes?: true
}

const STRANGERS: Readonly<Record<string, Stranger>> = {
  'nginx, HTTP/2 with TLS': {
    protocol: 'h2',
    scheme: 'https',
    resumes: true,
    serve: (lab) => {
      nginx(lab, '8443 ssl http2')
    },
  },
  'nginx, HTTP/1.1 with TLS': {
    protocol: 'http/1.1',
    scheme: 'https',
    resumes: true,
    serve: (lab) => {
      nginx(lab, '8443 ssl')
    },
  },
  'nghttpd, HTTP/2 without TLS': {
    protocol: 'h2',
    scheme: 'http',
    serve: (lab) => {
      lab.background('nghttpd', ['-d', lab.folder, '--no-tls', '8443'], 'nghttpd.log')
    },
  },
}

describe('a simulated browser loads a page and all that belongs to it, twice', { concurrency: 2 }, () => {
  for (const [name, { protocol, scheme, serve, resumes }] of Object.entries(STRANGERS)) {
    for (const loss of ['0 %', '2 %']) {
      test(`${name}, ${loss} lost`, async () => {
        await inLab(async (lab) => {
          for (const [file, bytes] of Object.entries(PAGE_FILES)) lab.file(file, bytes)
          const options = ['--until', '4 s', '--set', `loss=${loss}`]
          const ready = await lab.start(scenario(`${scheme}://server:8443/`, [protocol]), 'server', options, false)
          serve(lab)
          await lab.untilListening(8443)
          await lab.takeOn(ready)
          const { events } = await lab.results('transport')
          const told = (what: string) => events.filter((event) => event.name === what).map(({ data }) => data)
          assert.deepEqual([...told('page:failed'), ...told('http:request-failed'), ...told('app:failed')], [])
          const paths = new Map(told('fetch:queued').map(({ id, url: address }) => [id, String(address).replace(/^.*\//, '')]))
          const got = told('http:response-received').map(({ id, digest }) => [paths.get(id), digest])
          const expected = Object.entries(PAGE_FILES).map(([file, bytes]) => [file === 'index.html' ? '' : file, hashOf(bytes)])
          assert.deepEqual(got.sort(), [...expected, ...expected].sort())
          assert.deepEqual([...new Set(told('fetch:ended').map((data) => data['protocol']))], [protocol])
          const resumed = told('tls:connected').filter((data) => data['resumed'] === true)
          if (resumes === true) assert.ok(resumed.length > 0, 'the second time, sessions are resumed')
        })
      })
    }
  }
})
