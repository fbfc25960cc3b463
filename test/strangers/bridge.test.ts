import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { inLab, type Lab } from './lab.ts'

const scenario = {
  id: 'pair',
  title: 'A pair behind a router',
  hosts: { client: {}, router: { kind: 'router' }, server: { app: 'web-server', serves: { '/': '20 MB' } } },
  links: [
    { between: ['client', 'router'], rate: '10 Mbit/s', delay: '1 ms' },
    { between: ['router', 'server'], delay: '1 ms' },
  ],
}

const namespaceOf = ({ namespace }: Lab): string => `/var/run/netns/${namespace}`

describe('a bridge to a TAP interface', () => {
  test('its interface has the MAC address of the ready line; the rest the outside takes on by itself', async () => {
    await inLab(async (lab) => {
      const ready = await lab.start(scenario, 'client', [], false)
      const { mac, mtu, peers } = ready
      const link = await lab.run('ip', ['-o', 'link', 'show', 'eth0'])
      assert.match(link.out, new RegExp(`mtu ${mtu} .* state DOWN .* link/ether ${mac} `))
      await lab.takeOn(ready)
      const { out } = await lab.run('ping', ['-c', '3', '-w', '40', '-i', '0.05', peers['server']?.address ?? ''])
      assert.match(out, /3 received/)
      await lab.finish()
    })
  })

  test('a namespace that it made goes with it, also when it is killed', async () => {
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      await inLab(async (lab) => {
        await lab.start(scenario, 'client')
        assert.equal(existsSync(namespaceOf(lab)), true)
        lab.signal(signal)
        await lab.ended()
        for (let waited = 0; waited < 100 && existsSync(namespaceOf(lab)); waited++)
          await new Promise((done) => setTimeout(done, 50))
        assert.equal(existsSync(namespaceOf(lab)), false, signal)
      })
    }
  })

  test('a namespace that was there stays, without the interface', async () => {
    await inLab(async (lab) => {
      execFileSync('ip', ['netns', 'add', lab.namespace])
      try {
        await lab.start(scenario, 'client')
        await lab.run('ip', ['link', 'show', 'eth0'])
        lab.signal('SIGTERM')
        assert.equal(await lab.ended(), 0)
        await assert.rejects(lab.run('ip', ['link', 'show', 'eth0']), /does not exist/)
      } finally {
        execFileSync('ip', ['netns', 'delete', lab.namespace])
      }
    })
  })

  test('SIGTERM in the middle of a download ends it with the summary', async () => {
    await inLab(async (lab) => {
      const { peers } = await lab.start(scenario, 'client')
      lab.background('curl', ['-sS', '-o', 'got', `http://${String(peers['server']?.address)}/`], 'curl.log')
      await lab.untilPrinted(
        'sh',
        ['-c', 'test "$(stat -c %s got 2>/dev/null || echo 0)" -gt 100000 && echo large || true'],
        'large',
      )
      lab.signal('SIGTERM')
      const { summary } = await lab.results()
      assert.equal(summary.packetHops > 150, true)
      assert.equal(summary.outside.framesIn > 10 && summary.outside.framesOut > 50, true)
    })
  })

  test('--until ends it by itself, in simulated time', async () => {
    await inLab(async (lab) => {
      await lab.start(scenario, 'client', ['--until', '500 ms'])
      // There may be nothing in the capture.
      const { summary } = await lab.unjudgedResults()
      assert.equal(summary.simulatedSeconds, 0.5)
    })
  })

  test('when the interface is taken away, it ends and says so', async () => {
    await inLab(async (lab) => {
      const { gateway } = await lab.start(scenario, 'client')
      await lab.run('ping', ['-c', '1', gateway ?? ''])
      await lab.run('ip', ['link', 'delete', 'eth0'])
      await lab.results()
      assert.match(lab.told, /^\{"gone":"/m)
    })
  })

  test('a name that is taken is said, with 2', async () => {
    await inLab(async (lab) => {
      await lab.start(scenario, 'client')
      const second = lab.again('client', `${lab.namespace}/eth0`)
      assert.deepEqual([second.code, second.out], [2, ''])
      assert.match(second.err, /^packetarium: --tap eth0: cannot make the TAP interface eth0: Device or resource busy\n$/)
      await lab.finish()
    })
  })

  test('what keeps it from real time is told while it happens, and in the summary', async () => {
    await inLab(async (lab) => {
      const { peers } = await lab.start(scenario, 'client')
      lab.background('ping', ['-i', '0.01', peers['server']?.address ?? ''], 'ping.log')
      await lab.until('ping.log', 'icmp_seq=5 ')
      lab.signal('SIGSTOP')
      await new Promise((done) => setTimeout(done, 300))
      lab.signal('SIGCONT')
      await lab.until('ping.log', 'icmp_seq=80 ')
      const { summary } = await lab.finish()
      assert.match(lab.told, /^\{"late":\{"milliseconds":\d/m)
      assert.equal(summary.late.max > 100 || summary.late.behind > 100, true, JSON.stringify(summary.late))
    })
  })
})

test('this file leaves no namespace behind', () => {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
  assert.equal(stdout.includes(`packetarium-${String(process.pid)}-`), false)
})
