import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SynFlooder } from '../../src/apps/syn-flooder.ts'
import { UnknownSetting } from '../../src/host/unknown-setting.ts'
import { segments } from '../host/conversations.ts'
import { pair } from '../host/topologies.ts'
import type { World } from '../host/world.ts'
import { browser, data, MILLISECOND, noFailures, page, resource, SECOND, server } from './site.ts'

const PAGES = ['http://bob/', 'http://bob/', 'http://bob/']
const LINK = { delay: 50 * MILLISECOND, rate: 10_000_000 }
const SITE = { '/': resource(500) }

function load(client: boolean, listener: boolean, tcp: Record<string, unknown>): World {
  const world = pair(browser(PAGES, { keepAlive: false, fastOpen: client }), server(SITE, { fastOpen: listener }), {
    ...LINK,
    tcp,
  })
  world.run(30 * SECOND)
  noFailures(world)
  return world
}

const durations = (world: World): number[] =>
  data(world, 'page:loaded').map(({ duration }) => Math.round(Number(duration) / MILLISECOND / 10) * 10)

test('RFC 7413: with Fast Open each page after the first comes a round trip earlier', () => {
  assert.deepEqual(durations(load(true, true, { fastOpen: true })), [300, 100, 100])
  assert.deepEqual(durations(load(false, true, { fastOpen: true })), [300, 200, 200])
  assert.deepEqual(durations(load(true, false, { fastOpen: true })), [300, 200, 200])
  assert.deepEqual(durations(load(true, true, {})), [300, 200, 200])
})

test('the request of a POST never goes out with the SYN, for it must not come twice', () => {
  const visits = [0, 1, 2].map(() => ({ url: 'http://bob/', at: 0, upload: 2000 }))
  const world = pair(browser([], { visits, keepAlive: false, fastOpen: true }), server(SITE, { fastOpen: true }), {
    ...LINK,
    tcp: { fastOpen: true },
  }).run(30 * SECOND)
  assert.equal(data(world, 'page:loaded').length, 3)
  assert.equal(world.happened('tcp:fast-open-sent').length, 0)
})

test('a page of many files over six connections, with Fast Open, lost SYNs among them: everything comes, once', () => {
  const files = Array.from({ length: 12 }, (_, i) => `/${String(i)}.png`)
  const site = { '/': page(files), ...Object.fromEntries(files.map((path) => [path, resource(3000)])) }
  for (let seed = 1; seed <= 8; seed++) {
    const world = pair(browser(PAGES, { keepAlive: seed % 2 === 0, fastOpen: true }), server(site, { fastOpen: true }), {
      ...LINK,
      seed,
      loss: 0.1,
      tcp: { fastOpen: true },
    }).run(300 * SECOND)
    noFailures(world)
    assert.deepEqual(
      data(world, 'page:loaded').map(({ resources }) => resources),
      [12, 12, 12],
      `seed ${String(seed)}`,
    )
  }
})

test('nobody listens: the request that was to go with the SYN fails, and nothing hangs', () => {
  const world = pair(browser('http://bob/', { fastOpen: true }), undefined, { ...LINK, tcp: { fastOpen: true } }).run(30 * SECOND)
  assert.equal(data(world, 'page:failed')[0]['error'], 'ECONNREFUSED')
  assert.ok(segments(world, 'alice').length > 0, 'a SYN was sent')
})

test('a flooder takes another rate while it runs, and nothing else', () => {
  const flooder = new SynFlooder({ to: 'bob' })
  flooder.configure('rate', 500)
  assert.throws(() => {
    flooder.configure('rate', 0)
  }, UnknownSetting)
  assert.throws(() => {
    flooder.configure('port', 81)
  }, UnknownSetting)
})
