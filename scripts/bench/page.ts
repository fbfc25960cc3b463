/**
 * A page of 1 MB, 33 files, loaded over each version of HTTP with and without TLS: how long that takes to simulate, checksums, real
 * cryptography and the trace included, how much longer than over plain HTTP/1.1, and how much longer HTTP/3 takes than HTTP/2 with TLS. All
 * are warmed up, and take turns. The handshake and the certificates, made and checked, are part of it.
 */
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { figuresOf, type Figures } from './figures.ts'
import { doWork, type Work } from './works.ts'

const RUNS = Number(process.argv[3] ?? '5')
const WARM_UP = 3

const IMAGES = Array.from({ length: 24 }, (_, index) => `/${String(index)}.webp`)
const SCRIPTS = Array.from({ length: 6 }, (_, index) => `/${String(index)}.js`)
const SERVES = {
  '/': {
    size: '40 kB',
    references: [
      { url: '/a.css', as: 'style' },
      { url: '/b.css', as: 'style' },
      ...SCRIPTS.map((url) => ({ url, as: 'script', how: 'defer' })),
      ...IMAGES.map((url, index) => ({ url, as: 'image', at: index / IMAGES.length })),
    ],
  },
  '/a.css': '30 kB',
  '/b.css': '30 kB',
  ...Object.fromEntries(SCRIPTS.map((path) => [path, '50 kB'])),
  ...Object.fromEntries(IMAGES.map((path) => [path, '25 kB'])),
}

function pageOver(name: string, protocol: string, tls: boolean): Work {
  return {
    name,
    scenario: () =>
      resolveScenario({
        id: 'page',
        title: 'A page of 1 MB',
        seed: 1,
        duration: '60 s',
        hosts: {
          browser: { app: 'browser', visits: `${tls ? 'https' : 'http'}://server/`, protocols: [protocol] },
          server: { app: 'web-server', serves: SERVES, protocols: [protocol], ...(tls && { tls: true }) },
        },
        links: [{ between: ['browser', 'server'], rate: '20 Mbit/s', delay: '20 ms' }],
      }),
    ensureDone: (trace) => {
      const loaded = trace.first('page:loaded')?.data
      if (loaded?.['bytes'] !== 1_000_000 || loaded['failures'] !== 0) throw new Error(`the page over ${name} is not whole`)
    },
  }
}

const H2 = 'HTTP/2 with TLS'
const H3 = 'HTTP/3'
const works = [
  pageOver('HTTP/1.1', 'http/1.1', false),
  pageOver('HTTP/2', 'h2', false),
  pageOver('HTTP/1.1 with TLS', 'http/1.1', true),
  pageOver(H2, 'h2', true),
  pageOver(H3, 'h3', true),
]

function millisecondsOf(work: Work): number {
  return doWork(work).processorSeconds * 1000
}

console.log('a page of 1 MB: milliseconds of the processor')
for (const work of works) {
  console.log(`  ${work.name}, the first time: ${millisecondsOf(work).toFixed(0)} ms`)
  for (let run = 1; run < WARM_UP; run++) doWork(work)
}

// They take turns: what else this machine does meanwhile, it does to all of them.
const taken = new Map(works.map(({ name }) => [name, [] as number[]]))
for (let run = 0; run < RUNS; run++) for (const work of works) taken.get(work.name)?.push(millisecondsOf(work))

/** Of some figures in turn, how many times the others. */
function ratioOf(name: string, other: string): Figures {
  const others = taken.get(other) ?? []
  return figuresOf((taken.get(name) ?? []).map((took, run) => took / (others[run] ?? NaN)))
}

for (const [name, figures] of taken) {
  const { median, least, most } = figuresOf(figures)
  const range = `(${least.toFixed(0)} to ${most.toFixed(0)})`
  const ratio = ratioOf(name, works[0]?.name ?? '').median.toFixed(2)
  console.log(`${name.padEnd(24)} ${median.toFixed(0).padStart(6)} ms ${range.padEnd(16)} × ${ratio}`)
}
const { median, least, most } = ratioOf(H3, H2)
console.log(`${H3} : ${H2} = ${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`)
