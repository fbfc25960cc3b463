/**
 * A page of 1 MB, 33 files, loaded over each version of HTTP with and without TLS: how long that takes to simulate, checksums, real
 * cryptography and the trace included, and how much longer than over plain HTTP/1.1. The handshake and the certificates, made and checked,
 * are part of it.
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

/** Milliseconds of the processor for a page. */
function measure(work: Work): Figures {
  console.log(`  ${work.name}, the first time: ${(doWork(work).processorSeconds * 1000).toFixed(0)} ms`)
  for (let run = 1; run < WARM_UP; run++) doWork(work)
  return figuresOf(Array.from({ length: RUNS }, () => doWork(work).processorSeconds * 1000))
}

const works = [
  pageOver('HTTP/1.1', 'http/1.1', false),
  pageOver('HTTP/2', 'h2', false),
  pageOver('HTTP/1.1 with TLS', 'http/1.1', true),
  pageOver('HTTP/2 with TLS', 'h2', true),
]
console.log('a page of 1 MB: milliseconds of the processor')
const figures = works.map((work) => ({ work, took: measure(work) }))
const base = figures[0]?.took.median ?? NaN
for (const { work, took } of figures) {
  const range = `(${took.least.toFixed(0)} to ${took.most.toFixed(0)})`
  console.log(
    `${work.name.padEnd(24)} ${took.median.toFixed(0).padStart(6)} ms ${range.padEnd(16)} × ${(took.median / base).toFixed(2)}`,
  )
}
