/**
 * How long one file of 5 MB takes over HTTP/2 and over HTTP/3, all layers and encryption included, beside real stacks under the same
 * impairment. What was measured there is in `reference/README.md`. Medians are to be within 20 % of each other.
 *
 * For HTTP/2 the real stack is Linux's TCP, over which HTTP/1.1 was measured without TLS: one download is a matter of TCP, and what TLS adds,
 * a round trip and 22 bytes for each record, is less than a hundredth of the time.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 10)

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >>> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Rows of a file of measurements, without its head. */
function rowsOf(name: string): string[][] {
  const [, ...rows] = readFileSync(resolve(import.meta.dirname, 'reference', name), 'utf8')
    .trim()
    .split('\n')
  return rows.map((row) => row.split(','))
}

const linux = (loss: number): number =>
  median(
    rowsOf('linux-transfer-5mb.csv')
      .filter(([algorithm, lost]) => algorithm === 'cubic' && lost === String(loss))
      .map(([, , , seconds]) => Number(seconds)),
  )
const quic = (stack: string, algorithm: string, loss: number): number =>
  median(
    rowsOf('quic-transfer-5mb.csv')
      .filter(([name, control, lost]) => name === stack && control === algorithm && lost === String(loss))
      .map(([, , , , seconds]) => Number(seconds)),
  )

/** Seconds until the file is there, handshakes included; the median. */
function ours(protocol: 'h2' | 'h3', loss: number): number {
  const tcp = { preset: 'linux' } as const
  const times = Array.from({ length: SEEDS }, (_, index) => {
    const scenario = resolveScenario({
      id: 'download',
      title: 'Beside real stacks',
      seed: index + 1,
      duration: '120 s',
      hosts: {
        client: { app: 'browser', visits: 'https://server/', protocols: [protocol], tcp },
        server: { app: 'web-server', protocols: ['h3', 'h2'], tls: {}, serves: { '/': '5000000 B' }, tcp },
      },
      links: [{ between: ['client', 'server'], rate: '10 Mbit/s', delay: '25 ms', queue: '62500 B', loss: loss / 100 }],
    })
    const run = runInline(scenario)
    const response = run.trace.first('http:response-received')
    assert.ok(response !== undefined, 'the response came')
    assert.equal(response.data['bytes'], 5_000_000)
    run.dispose()
    return response.time / 1e9
  })
  return median(times)
}

for (const loss of [1, 2]) {
  test(`with ${String(loss)} % of loss, HTTP/2 takes as long as Linux, HTTP/3 as ngtcp2 and quic-go (${String(SEEDS)} seeds)`, (context) => {
    const [h2, h3] = [ours('h2', loss), ours('h3', loss)]
    for (const [name, own, real] of [
      ['HTTP/2 beside Linux', h2, linux(loss)],
      ['HTTP/3 beside ngtcp2', h3, quic('ngtcp2', 'cubic', loss)],
      ['HTTP/3 beside quic-go', h3, quic('quic-go', 'default', loss)],
    ] as const) {
      const told = `${name}: ${own.toFixed(2)} s beside ${real.toFixed(2)} s`
      context.diagnostic(told)
      assert.ok(Math.abs(own / real - 1) < 0.2, told)
    }
  })
}
