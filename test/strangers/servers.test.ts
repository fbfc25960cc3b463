import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hashOf, noise } from './body.ts'
import { inLab, type Lab } from './lab.ts'

const SIZES: Readonly<Record<string, number>> = { '0.bin': 0, '1.bin': 1, '100k.bin': 100_000, '20M.bin': 20_000_000 }

/** Where a server says what it was asked for. */
const LOG = 'access.log'
const LAST = 'that-is-all'

/** A simulated browser, whose server is outside. */
const scenario = {
  id: 'browser',
  title: 'A simulated client of a real server',
  hosts: {
    client: {
      app: 'browser',
      digest: true,
      tcp: { preset: 'linux' },
      // Pages are loaded one after the other: when the last one is asked for, all others are there.
      visits: [...Object.keys(SIZES), LAST].map((name) => ({ url: `http://server:8080/${name}`, at: '200 ms' })),
    },
    router: { kind: 'router' },
    server: {},
  },
  links: [
    { between: ['client', 'router'], rate: '150 Mbit/s', delay: '500 us', queue: '256 KiB' },
    { between: ['router', 'server'], rate: '1 Gbit/s', delay: '500 us', reorderBy: '2 ms' },
  ],
  knobs: {
    loss: { label: 'Loss', range: ['0 %', '10 %'], sets: 'links[1].loss' },
    reorder: { label: 'Reordering', range: ['0 %', '10 %'], sets: 'links[1].reorder' },
  },
}

const SERVERS: Readonly<Record<string, (lab: Lab) => void>> = {
  "python's http.server": (lab) => {
    lab.background('python3', ['-um', 'http.server', '-p', 'HTTP/1.1', '8080'], LOG)
  },
  nginx: (lab) => {
    const configuration = `
daemon off; user root; worker_processes 1; pid ${lab.folder}/nginx.pid; error_log ${lab.folder}/error.log;
events {}
http { access_log ${lab.folder}/${LOG}; root ${lab.folder}; server { listen 8080; } }
`
    lab.background('nginx', ['-c', lab.file('nginx.conf', configuration), '-e', `${lab.folder}/error.log`], 'nginx.log')
  },
}

describe('a simulated browser, with real servers', () => {
  for (const [name, serve] of Object.entries(SERVERS)) {
    for (const [loss, reorder] of [
      ['0 %', '0 %'],
      ['2 %', '1 %'],
      ['5 %', '2 %'],
    ]) {
      test(`${name} serves it everything, ${loss} lost and ${reorder} reordered`, async () => {
        await inLab(async (lab) => {
          const expected = Object.entries(SIZES).map(([file, size]) => {
            const bytes = noise(size)
            lab.file(file, bytes)
            return [200, size, hashOf(bytes)]
          })
          const ready = await lab.start(scenario, 'server', ['--set', `loss=${loss}`, '--set', `reorder=${reorder}`], false)
          serve(lab)
          await lab.untilListening(8080)
          await lab.takeOn(ready)
          await lab.until(LOG, LAST)
          const { events } = await lab.finish('transport')
          const responses = events.filter(({ name }) => name === 'http:response-received')
          assert.deepEqual(
            responses.slice(0, expected.length).map(({ data }) => [data['status'], data['bytes'], data['digest']]),
            expected,
          )
        })
      })
    }
  }
})
