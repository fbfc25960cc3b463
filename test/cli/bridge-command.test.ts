import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { DOWNLOAD } from '../scenario/scenario-fixture.ts'
import { CAPTURE, callCli } from './fake-engine.ts'

const bridge = (...args: string[]) => callCli(['bridge', 'download', '--attach', 'alice', ...args])

const ROUTED = JSON.stringify({
  id: 'routed',
  title: 'Three links',
  hosts: { alice: {}, lan: { kind: 'switch' }, router: { kind: 'router' }, bob: {}, carol: {} },
  links: [
    { between: ['alice', 'lan'] },
    { between: ['carol', 'lan'] },
    { between: ['lan', 'router'], mtu: '1500 B' },
    { between: ['router', 'bob'] },
  ],
})
const routed = (...args: string[]) => callCli(['bridge', 'routed.json', ...args], { files: { 'routed.json': ROUTED } })

const lines = (text: string) => text.trimEnd().split('\n')

test('the ready line says what the outside must take on, and whom it finds', async () => {
  const { code, out } = await bridge('--tap', 'lab/eth0')
  assert.equal(code, 0)
  const { routes, ...ready } = JSON.parse(lines(out)[0]) as Record<string, unknown>
  assert.deepEqual(routes, [])
  assert.deepEqual(ready, {
    ready: true,
    host: 'alice',
    link: 'alice-bob',
    at: 'lab/eth0',
    mac: '02:00:00:01:00:00',
    mtu: 1500,
    address: '10.0.0.1',
    prefix: 24,
    gateway: null,
    address6: ready['address6'],
    prefix6: ready['prefix6'],
    gateway6: null,
    peers: { bob: { ...(ready['peers'] as { bob: object }).bob, address: '10.0.0.2' } },
  })
})

test('behind a switch: the router is the gateway, and switches are no peers', async () => {
  const { out } = await routed('--attach', 'alice', '--socket', '/run/lab.sock')
  const { at, gateway, address, peers } = JSON.parse(lines(out)[0]) as {
    at: string
    gateway: string
    address: string
    peers: Record<string, { address: string }>
  }
  assert.deepEqual([at, address, gateway], ['/run/lab.sock', '10.0.0.1', '10.0.0.254'])
  assert.deepEqual(
    Object.entries(peers).map(([name, peer]) => [name, peer.address]),
    [
      ['router', '10.0.0.254'],
      ['bob', '10.0.1.1'],
      ['carol', '10.0.0.2'],
    ],
  )
})

test('a host on several links takes a place for each, in their order', async () => {
  const { code, out, bridges } = await routed('--attach', 'router', '--tap', 'lab/a', '--socket', '/run/b')
  assert.equal(code, 0)
  assert.deepEqual(bridges[0].places, [
    { kind: 'tap', namespace: 'lab', name: 'a' },
    { kind: 'socket', path: '/run/b' },
  ])
  const { at, interfaces } = JSON.parse(lines(out)[0]) as {
    at: string
    interfaces: { link: string; at: string; address: string }[]
  }
  assert.equal(at, 'lab/a')
  assert.deepEqual(
    interfaces.map(({ link, at: place, address }) => [link, place, address]),
    [
      ['lan-router', 'lab/a', '10.0.0.254'],
      ['router-bob', '/run/b', '10.0.1.254'],
    ],
  )
  const short = await routed('--attach', 'router', '--tap', 'lab/a')
  assert.equal(short.code, 2)
  assert.match(short.err, /found 1; allowed: one for each link of router, in this order: lan-router, router-bob/)
})

test('the summary is that of run --json, with what passed outside', async () => {
  const { out, disposed, files, captures } = await bridge('--tap', 'eth0', '--pcap', 'x.pcapng', '--events', 'e.jsonl')
  const [, summary, ...more] = lines(out)
  assert.deepEqual(more, [])
  assert.deepEqual(JSON.parse(summary), {
    scenario: 'download',
    seed: 7,
    simulatedSeconds: 2,
    frames: 2,
    framesLost: { 'random-loss': 1 },
    packetHops: 1,
    wallSeconds: 0,
    claims: [],
    captureSha256: createHash('sha256').update(CAPTURE).digest('hex'),
    outside: { host: 'alice', framesIn: 3, framesRefused: 0, framesOut: 4, framesUntaken: 1 },
    late: { p50: 0.1, p99: 0.2, max: 0.3, behind: 0, lateFrames: 0 },
  })
  assert.deepEqual([...files.keys()], ['x.pcapng', 'e.jsonl'])
  assert.equal(files.get('x.pcapng'), CAPTURE)
  assert.deepEqual(captures, [{ kind: 'host', host: 'alice' }], 'what the outside saw')
  assert.equal(disposed, 1)
})

test('seed, knobs, interventions and capture are those of run; without --until there is no end', async () => {
  const files = { 'log.json': '[{"at":"1 s","cut":"alice-bob"}]', 'd.json': JSON.stringify(DOWNLOAD) }
  const args = ['--seed', '9', '--set', 'loss=2%', '--interventions', 'log.json', '--capture', 'host:bob', '--configure']
  const { code, bridges, captures } = await callCli(['bridge', 'd.json', '--attach', 'alice', '--tap', 'e', ...args], { files })
  assert.equal(code, 0)
  const [{ scenario, host, interventions, configure, places }] = bridges
  assert.deepEqual([scenario.seed, host.name, configure], [9, 'alice', true])
  assert.deepEqual(places, [{ kind: 'tap', namespace: undefined, name: 'e' }])
  assert.equal(scenario.links[0].settings[0].loss, 0.02)
  assert.equal(scenario.duration > 86_400e9, true)
  assert.deepEqual(interventions, [{ at: 1e9, cut: 'alice-bob' }])
  assert.deepEqual(captures, [{ kind: 'host', host: 'bob' }])
  const ended = await bridge('--tap', 'e', '--until', '10 s')
  assert.deepEqual([ended.bridges[0].scenario.duration, ended.bridges[0].configure], [10e9, false])
})

test('what the bridge tells goes to standard error, a line each', async () => {
  const said = ['{"late":{"milliseconds":30}}', '{"gone":"the peer has left"}']
  const { err, code } = await callCli(['bridge', 'download', '--attach', 'bob', '--socket', '/x'], { lateness: said })
  assert.deepEqual([lines(err), code], [said, 0])
})

test('what cannot be is said in a line, with 2', async () => {
  const wrong: [string[], RegExp][] = [
    [
      ['--attach', 'carol', '--tap', 'a/b'],
      /--attach: found "carol"; allowed: a host of download with an address: one of alice or bob/,
    ],
    [['--attach', 'alice'], /--tap and --socket: found none; allowed: one --tap NAMESPACE\/IF or --socket PATH/],
    [['--attach', 'alice', '--tap', 'a', '--tap', 'b'], /found 2/],
    [['--attach', 'alice', '--tap', 'a/b/c'], /--tap: found "a\/b\/c"/],
    [['--attach', 'alice', '--tap', '../x'], /--tap: found/],
    [['--attach', 'alice', '--tap', 'lab/..'], /--tap: found/],
    [['--attach', 'alice', '--tap', 'sixteen-bytes-ab'], /15 bytes/],
    [['--attach', 'alice', '--tap', 'a', '--set', 'speed=1'], /--set: found "speed"/],
    [['--attach', 'alice', '--tap', 'a', '--until', '0 s'], /--until/],
    [['--tap', 'a'], /--attach/],
  ]
  for (const [args, message] of wrong) {
    const { code, err, bridges, out } = await callCli(['bridge', 'download', ...args])
    assert.deepEqual([code, bridges.length, out], [2, 0, ''], args.join(' '))
    assert.match(err, message)
  }
  const { err } = await routed('--attach', 'lan', '--tap', 'a')
  assert.match(err, /--attach: found "lan"/)
})

test('--ca writes the authority of the run, as others know certificates', async () => {
  const written = async (seed: string): Promise<string> => {
    const { code, files } = await bridge('--tap', 'eth0', '--ca', 'ca.pem', '--seed', seed)
    assert.equal(code, 0)
    return String(files.get('ca.pem'))
  }
  const [one, same, other] = [await written('1'), await written('1'), await written('2')]
  const { subject, ca } = new X509Certificate(one)
  assert.deepEqual([subject, ca], ['O=Packetarium\nCN=Packetarium Root', true])
  assert.equal(one, same)
  assert.notEqual(one, other)
})
