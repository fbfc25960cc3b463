import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EventData } from '../../src/kernel/machine.ts'
import { Director } from '../../src/run/director.ts'
import { InlineHosts } from '../../src/run/inline-hosts.ts'
import { modelResources, PAGE_MODELS, type PageModelName } from '../../src/scenario/page-model.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'

const NOWHERE = { shards: [], thirdParties: [] }

/** How many resources and bytes each model is said to have: requests, and kilobytes. */
const TOTALS: Readonly<Record<PageModelName, readonly [count: number, kilobytes: number]>> = {
  tiny: [5, 30],
  'wikipedia-like': [30, 600],
  shop: [80, 1990],
  news: [122, 2996],
}

describe('page models', () => {
  for (const model of PAGE_MODELS) {
    test(`${model}: so many resources, of so many bytes, each named once`, () => {
      const resources = modelResources({ model, ...NOWHERE })
      const entries = Object.values(resources)
      const bytes = entries.reduce((sum, { size }) => sum + size, 0)
      assert.deepEqual([entries.length, Math.round(bytes / 1000)], TOTALS[model])
      const named = entries.flatMap(({ references }) => references.map(({ url }) => url))
      assert.deepEqual([...named, '/'].sort(), Object.keys(resources).sort())
      assert.ok(
        entries.every(({ size }) => size >= 60),
        'none is too small to be what it is',
      )
    })
  }

  test('over shards and third parties, the document and data stay', () => {
    const resources = modelResources({ model: 'news', shards: ['one', 'two'], thirdParties: ['ads', 'stats', 'tags'] })
    const urls = Object.values(resources).flatMap(({ references }) => references)
    const hosts = new Map<string, number>()
    for (const { url } of urls) {
      const host = /^\/\/([^/]+)/.exec(url)?.[1] ?? ''
      hosts.set(host, (hosts.get(host) ?? 0) + 1)
    }
    assert.deepEqual([...hosts.keys()].sort(), ['', 'ads', 'one', 'stats', 'tags', 'two'])
    assert.ok(Math.abs((hosts.get('one') ?? 0) - (hosts.get('two') ?? 0)) <= 1, 'evenly')
    assert.equal(hosts.get(''), 5, 'data comes from the page itself')
  })
})

describe('loaded by a browser, which knows nothing but the bytes', () => {
  for (const model of PAGE_MODELS) {
    for (const protocol of ['http/1.1', 'h2']) {
      test(`${model} over ${protocol}: everything comes, and has its size`, () => {
        const scenario = resolveScenario({
          id: 'model',
          title: 'A page model',
          seed: 1,
          duration: '60 s',
          hosts: {
            browser: { app: 'browser', visits: 'http://server/', protocols: [protocol] },
            server: {
              app: 'web-server',
              page: { model, shards: ['img', 'static'], thirdParties: ['ads'] },
              aliases: ['img', 'static', 'ads'],
              protocols: [protocol],
            },
          },
          links: [{ between: ['browser', 'server'], rate: '50 Mbit/s', delay: '10 ms' }],
        })
        const director = new Director(scenario, { seed: 1 })
        new InlineHosts(scenario, 1, director).advance(scenario.duration)
        const { store } = director
        const data: EventData = (store.first('page:settled') ?? store.first('page:loaded'))?.data ?? {}
        const [count, kilobytes] = TOTALS[model]
        assert.deepEqual([data['resources'], data['failures']], [count - 1, 0])
        assert.equal(Math.round(Number(data['bytes']) / 1000), kilobytes)
        const order = store.events.filter(({ name }) => name.startsWith('page:')).map(({ name }) => name)
        assert.ok(order.indexOf('page:first-rendered') < order.indexOf('page:loaded'), order.join())
      })
    }
  }
})

describe('in a scenario', () => {
  const source = (server: object): unknown => ({
    id: 'model',
    title: 'A page model',
    seed: 1,
    duration: '60 s',
    hosts: { browser: { app: 'browser', visits: 'http://server/' }, server: { app: 'web-server', ...server } },
    links: [{ between: ['browser', 'server'], rate: '50 Mbit/s', delay: '10 ms' }],
  })

  test('what is served besides may replace parts of it', () => {
    const [, server] = resolveScenario(
      source({ page: 'tiny', serves: { '/css/1.css': '9 kB', '/more': '1 kB' }, delay: '3 ms' }),
    ).hosts
    const serves = server?.apps[0]?.options['serves'] as Record<string, { size: number; delay: number; type: string }>
    assert.equal(Object.keys(serves).length, 6)
    assert.deepEqual([serves['/css/1.css']?.size, serves['/']?.delay, serves['/']?.type], [9000, 3e6, 'text/html; charset=utf-8'])
  })

  test('a server without anything to serve is none', () => {
    assert.throws(() => resolveScenario(source({})), /serves/)
  })

  test('shards are hosts of the scenario, or other names of them', () => {
    assert.throws(() => resolveScenario(source({ page: { model: 'shop', shards: ['nobody'] } })), /nobody/)
    assert.throws(() => resolveScenario(source({ page: 'huge' })), /tiny/)
  })

  test('references of an author are checked like all others', () => {
    const references = [{ url: '//nobody/x.js', as: 'script' }]
    assert.throws(() => resolveScenario(source({ serves: { '/': { size: '1 kB', references } } })), /nobody/)
    assert.throws(
      () => resolveScenario(source({ serves: { '/': { size: '1 kB', references: [{ url: 'x', as: 'script' }] } } })),
      /url/,
    )
  })
})
