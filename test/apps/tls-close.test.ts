import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decodeTcp, TcpFlag, TcpSegment } from '../../src/wire/tcp.ts'
import { decodeIpv4, IpProtocol, Ipv4Header } from '../../src/wire/ipv4.ts'
import { Director } from '../../src/run/director.ts'
import { InlineHosts } from '../../src/run/inline-hosts.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'

type Tree = Record<string, unknown>

function run(browser: Tree, server: Tree): { trace: TraceView; flags: number[] } {
  const scenario = resolveScenario({
    id: 'close',
    title: 'How connections end',
    seed: 3,
    duration: '60 s',
    hosts: { browser: { app: 'browser', ...browser }, server },
    links: [{ between: ['browser', 'server'], rate: '10 Mbit/s', delay: '20 ms' }],
  })
  const director = new Director(scenario, { seed: 3 })
  new InlineHosts(scenario, 3, director).advance(scenario.duration)
  const trace = director.store
  assert.deepEqual(trace.all('app:failed'), [])
  const flags: number[] = []
  for (let number = 1; number <= trace.frameCount; number++) {
    const bytes = director.recorder.bytesAsSent(number) ?? new Uint8Array(14)
    if (bytes[12] !== 8 || bytes[13] !== 0) continue
    const header = decodeIpv4(bytes, 14, bytes.length, new Ipv4Header())
    if (header.protocol !== IpProtocol.TCP) continue
    flags.push(decodeTcp(bytes, header.payloadStart, header.payloadEnd, new TcpSegment()).flags)
  }
  return { trace, flags }
}

const mine = (trace: TraceView, name: string): EventRecord[] => trace.all(name, ({ host }) => host === 0)
const PAGE = { '/': { size: '30 kB', resources: ['/a.png', '/b.png'] }, '/a.png': '5 kB', '/b.png': '5 kB' }

describe('a browser that is done closes its connections, and hears the server out', () => {
  for (const version of ['1.3', '1.2']) {
    for (const protocol of ['h2', 'http/1.1']) {
      test(`TLS ${version}, ${protocol}: no reset, a FIN each`, () => {
        const tls = { versions: [version] }
        const browser = { visits: 'https://server/', protocols: [protocol], connections: 1, tls }
        const { trace, flags } = run(browser, { app: 'web-server', serves: PAGE, tls: {} })
        assert.equal(mine(trace, 'page:loaded').length, 1)
        assert.equal(flags.filter((flag) => (flag & TcpFlag.RST) !== 0).length, 0)
        const connections = new Set(mine(trace, 'tls:connected').map(({ connection }) => connection)).size
        assert.equal(flags.filter((flag) => (flag & TcpFlag.FIN) !== 0).length, 2 * connections)
        const loadedAt = mine(trace, 'page:loaded')[0].time
        const endedAt = mine(trace, 'app:ended')[0].time
        assert.ok(endedAt > loadedAt && endedAt < loadedAt + 500e6, `from ${loadedAt} to ${endedAt}`)
      })
    }
  }
})

describe('a server that accepts, and then says nothing', () => {
  const silent = { app: 'socket-script', listen: 443, steps: [{ do: 'sleep', for: '50 s' }] }

  test("is given up after the browser's timeout, though TCP works", () => {
    const { trace } = run({ visits: 'https://server/', timeout: '3 s' }, silent)
    const [failed] = mine(trace, 'page:failed')
    assert.equal(failed.data['error'], 'ETIMEDOUT')
    assert.ok(failed.time > 3e9 && failed.time < 3.1e9, `${failed.time}`)
    assert.deepEqual(
      mine(trace, 'tls:failed').map(({ data }) => [data['error'], data['whose']]),
      [['ETIMEDOUT', 'network']],
    )
  })

  test('is waited for as long as it takes without a timeout', () => {
    const { trace } = run({ visits: 'https://server/' }, silent)
    const [failed] = mine(trace, 'page:failed')
    assert.ok(failed.time > 50e9, `${failed.time}`)
  })
})
