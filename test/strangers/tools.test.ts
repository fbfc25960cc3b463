import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { noise } from './body.ts'
import { inLab, type Lab } from './lab.ts'

/** Two routers between the outside and a host that answers. */
const routed = {
  id: 'routed',
  title: 'Two routers',
  hosts: {
    client: {},
    near: { kind: 'router' },
    far: { kind: 'router' },
    server: { app: 'udp-echo', port: 7000 },
  },
  links: [
    { between: ['client', 'near'], delay: '1 ms' },
    { between: ['near', 'far'], delay: '2 ms' },
    { between: ['far', 'server'], delay: '1 ms' },
  ],
  knobs: { loss: { label: 'Loss', range: ['0 %', '50 %'], sets: 'links[0].loss' } },
}

/** So many echoes come back. Without a deadline ping has no patience with the last one; with it, it asks on until it has them all. */
async function ping(lab: Lab, address: string, count: number, size: number): Promise<void> {
  const { out } = await lab.run('ping', ['-c', String(count), '-w', '40', '-i', '0.05', '-s', String(size), address])
  assert.match(out, new RegExp(` packets transmitted, ${count} received`))
  assert.equal(out.match(new RegExp(`${size + 8} bytes from`, 'g'))?.length, count)
}

async function pingBoth(lab: Lab, address6: string): Promise<void> {
  await ping(lab, address6, 5, 56)
  await ping(lab, address6, 5, 4000)
}

describe('ping and traceroute, with simulated hosts', () => {
  test('every echo comes back, small and in fragments', async () => {
    await inLab(async (lab) => {
      const { address, peers } = await lab.start(routed, 'client')
      const server = peers['server']?.address ?? ''
      await ping(lab, server, 10, 56)
      // 4,000 bytes take three fragments each way.
      await ping(lab, server, 5, 4000)
      const { summary } = await lab.finish()
      assert.deepEqual(summary.framesLost, {})
      assert.equal(summary.outside.framesOut >= 10 + 5 * 3, true)
      assert.equal(address, '10.0.0.1')
    })
  })

  test('the time that an echo takes is not less than that of its links', async () => {
    await inLab(async (lab) => {
      const { peers } = await lab.start(routed, 'client')
      const { out } = await lab.run('ping', ['-c', '20', '-w', '40', '-i', '0.02', peers['server']?.address ?? ''])
      const times = [...out.matchAll(/time=([0-9.]+) ms/g)].map(([, time]) => Number(time))
      assert.equal(times.length, 20)
      assert.ok(Math.min(...times) >= 8, `the shortest took ${Math.min(...times)} ms`)
      await lab.finish()
    })
  })

  test('traceroute names both routers and the host', async () => {
    await inLab(async (lab) => {
      const { gateway, peers } = await lab.start(routed, 'client')
      const server = peers['server']?.address ?? ''
      // By UDP, whose last port is unreachable, and by ICMP.
      for (const by of [[], ['-I']]) {
        const { out } = await lab.run('traceroute', ['-n', '-q', '1', '-w', '5', ...by, server])
        const hops = out
          .trimEnd()
          .split('\n')
          .slice(1)
          .map((line) => line.trim().split(/\s+/)[1])
        assert.deepEqual(
          hops,
          [gateway, '10.0.1.1', server].map((hop, index) => (index === 1 ? hops[1] : hop)),
        )
        assert.notEqual(hops[1], '*')
      }
      await lab.finish()
    })
  })
})

/** The same with both versions of IP; the outside has an address given, or learns one from the router. */
const dual = (address6: string) => ({
  ...routed,
  ip: 'dual',
  hosts: {
    ...routed.hosts,
    near: { kind: 'router', advertises: true },
    client: { address6 },
    server: { app: 'web-server', serves: { '/page': '100 kB' } },
  },
})

describe('IPv6, with simulated hosts', () => {
  test('ping, traceroute and curl with an address given', async () => {
    await inLab(async (lab) => {
      const { address6, gateway6, peers } = await lab.start(dual('2001:db8:5::5/64'), 'client')
      assert.equal(address6, '2001:db8:5::5')
      const server = peers['server']?.address6 ?? ''
      await pingBoth(lab, server)
      const { out } = await lab.run('traceroute', ['-6', '-n', '-q', '1', '-w', '5', server])
      const hops = out
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/)[1])
      assert.deepEqual([hops.length, hops[0], hops[2]], [3, gateway6, server])
      const got = await lab.run('curl', ['-g', '-sS', '--fail', `http://[${server}]/page`])
      assert.equal(got.out.length, 100_000)
      await lab.finish()
    })
  })

  test("ping with an address that Linux makes from the router's advertisement", async () => {
    await inLab(async (lab) => {
      const { address6, peers } = await lab.start(dual('auto'), 'client', [], false)
      await lab.run('ip', ['link', 'set', 'eth0', 'up'])
      await lab.untilPrinted('ip', ['-6', 'address', 'show', 'dev', 'eth0', 'scope', 'global', '-tentative'], address6 ?? 'none')
      await pingBoth(lab, peers['server']?.address6 ?? '')
      await lab.finish()
    })
  })
})

describe('nc, with a simulated UDP echo', () => {
  test('what is sent comes back, a datagram at a time', async () => {
    await inLab(async (lab) => {
      const { peers } = await lab.start(routed, 'client')
      const server = peers['server']?.address ?? ''
      lab.file('words', 'all that I say\n')
      lab.file('noise', noise(8000))
      const words = await lab.run('sh', ['-c', `nc -u -w 2 ${server} 7000 < words`])
      assert.equal(words.out, 'all that I say\n')
      // One datagram of 8,000 bytes, in fragments both ways.
      await lab.run('sh', ['-c', `nc -u -w 2 ${server} 7000 < noise > back && cmp noise back`])
      await lab.finish()
    })
  })

  test('where nobody listens, the port is unreachable', async () => {
    await inLab(async (lab) => {
      const { peers } = await lab.start(routed, 'client')
      const script = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.connect((sys.argv[1], 7001))
s.send(b'anybody?')
try:
    s.recv(1)
except ConnectionRefusedError:
    print('refused')
`
      const { out } = await lab.run('python3', ['-c', script, peers['server']?.address ?? ''])
      assert.equal(out, 'refused\n')
      await lab.finish()
    })
  })
})

describe('h2load, with a simulated web server', () => {
  test('200 connections at once, every request answered', async () => {
    const scenario = {
      id: 'crowd',
      title: 'A crowd',
      hosts: { client: {}, server: { app: 'web-server', backlog: 256, serves: { '/': '2 kB' } } },
      links: [{ between: ['client', 'server'], rate: '100 Mbit/s', delay: '1 ms' }],
    }
    await inLab(async (lab) => {
      const { peers } = await lab.start(scenario, 'client')
      const url = `http://${String(peers['server']?.address)}/`
      const { out } = await lab.run('h2load', ['--h1', '-c', '200', '-n', '2000', '-t', '1', url])
      assert.match(out, /requests: 2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout/)
      const { events } = await lab.finish()
      assert.equal(events.filter(({ name, data }) => name === 'http:response-sent' && data['status'] === 200).length, 2000)
    })
  })
})
