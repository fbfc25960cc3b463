import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PageReference } from '../../src/scenario/page-reference.ts'
import type { ServedResource } from '../../src/apps/web-content.ts'
import { pair } from '../host/topologies.ts'
import { World } from '../host/world.ts'
import { browser, data, MILLISECOND, noFailures, resource, SECOND, server } from './site.ts'

const LINK = { delay: 20 * MILLISECOND, rate: 10_000_000 }

function html(references: readonly PageReference[], size = 3000): ServedResource {
  return resource(size, { type: 'text/html', references })
}
function css(size = 2000, references: readonly PageReference[] = [], delay = 0): ServedResource {
  return resource(size, { type: 'text/css', references, delay: delay * MILLISECOND })
}
function js(size = 2000, references: readonly PageReference[] = [], delay = 0): ServedResource {
  return resource(size, { type: 'text/javascript', references, delay: delay * MILLISECOND })
}
const picture = (size = 3000, delay = 0): ServedResource => resource(size, { type: 'image/webp', delay: delay * MILLISECOND })
const font = (delay = 0): ServedResource => resource(5000, { type: 'font/woff2', delay: delay * MILLISECOND })

function load(site: Record<string, ServedResource>, options: Record<string, unknown> = {}, until = 60 * SECOND): World {
  const world = pair(browser('http://bob/', { digest: false, ...options }), server(site, { digest: false }), LINK).run(until)
  noFailures(world)
  return world
}

/** What was asked for, as the path and the priority, in the order of asking. */
function queued(world: World): string[] {
  return data(world, 'fetch:queued').map(({ url, priority }) => `${pathOf(String(url))} ${String(priority)}`)
}

const pathOf = (url: string): string => url.replace(/^https?:\/\/[^/]*/, '')

function idOf(world: World, path: string): number {
  const found = data(world, 'fetch:queued').find(({ url }) => pathOf(String(url)) === path)
  assert.ok(found, `${path} was asked for`)
  return Number(found['id'])
}

/** When something happened to a resource, in nanoseconds: `'fetch:queued'`, `'fetch:ended'`, `'http:request-sent'`. */
function when(world: World, name: string, path: string): number {
  const id = idOf(world, path)
  const event = world.happened(name, 'alice').find((candidate) => candidate.data['id'] === id)
  assert.ok(event, `${name} of ${path}`)
  return event.time
}

function milestone(world: World, name: string): number {
  const [event] = world.happened(name, 'alice')
  assert.ok(event, name)
  return event.time
}

describe('priorities, as in Chrome', () => {
  test('by kind, and by where in the page', () => {
    const picture0 = (index: number): PageReference => ({ url: `/${String(index)}.webp`, as: 'image', at: 0.1 })
    const site: Record<string, ServedResource> = {
      '/': html([
        { url: '/a.css', as: 'style' },
        { url: '/head.js', as: 'script' },
        { url: '/defer.js', as: 'script', how: 'defer' },
        { url: '/async.js', as: 'script', how: 'async' },
        { url: '/module.js', as: 'script', how: 'module' },
        { url: '/early.woff2', as: 'font', how: 'preload' },
        { url: '/hero.webp', as: 'image', at: 0, priority: 'high' },
        { url: '/icon.svg', as: 'image', how: 'small', at: 0 },
        ...[1, 2, 3, 4, 5].map(picture0),
        { url: '/late.js', as: 'script', at: 0.9 },
      ]),
      '/a.css': css(1000, [{ url: '/font.woff2', as: 'font' }]),
    }
    const world = load({ ...site, '/head.js': js(500, [{ url: '/data.json', as: 'data' }]) }, { tightMode: false })
    assert.deepEqual(queued(world).sort(), [
      '/ highest',
      '/1.webp medium',
      '/2.webp medium',
      '/3.webp medium',
      '/4.webp medium',
      '/5.webp low',
      '/a.css highest',
      '/async.js low',
      '/data.json high',
      '/defer.js low',
      '/early.woff2 high',
      '/font.woff2 highest',
      '/head.js high',
      '/hero.webp high',
      '/icon.svg low',
      '/late.js medium',
      '/module.js low',
    ])
  })

  test('the pictures of the first screen matter more once it is painted', () => {
    const site = {
      '/': html([
        { url: '/a.css', as: 'style' },
        { url: '/1.webp', as: 'image' },
        { url: '/icon.webp', as: 'image', how: 'small' },
      ]),
      '/a.css': css(),
      '/1.webp': picture(3000, 500),
      '/icon.webp': picture(3000, 500),
    }
    const world = load(site)
    const raised = data(world, 'fetch:prioritised').map(({ id, priority }) => [id, priority])
    assert.deepEqual(raised, [[idOf(world, '/1.webp'), 'high']])
  })

  test('the most urgent waits least for a connection', () => {
    const names = [1, 2, 3, 4, 5, 6, 7, 8].map((index) => `/${String(index)}.webp`)
    const site = {
      '/': html([...names.map((url): PageReference => ({ url, as: 'image' })), { url: '/end.css', as: 'style', at: 1 }]),
      '/end.css': css(),
      ...Object.fromEntries(names.map((name) => [name, picture()])),
    }
    const world = load(site, { connections: 1 })
    const order = data(world, 'http:request-sent').map(({ url }) => pathOf(String(url)))
    assert.deepEqual(order.slice(0, 3), ['/', '/end.css', '/1.webp'])
  })
})

describe('the parser', () => {
  const site = {
    '/': html(
      [
        { url: '/slow.js', as: 'script' },
        { url: '/behind.css', as: 'style', at: 0.2 },
        { url: '/behind.webp', as: 'image', at: 0.3 },
        { url: '/lazy.webp', as: 'image', how: 'lazy', at: 0.4 },
      ],
      20_000,
    ),
    '/slow.js': js(2000, [], 300),
    '/behind.css': css(),
    '/behind.webp': picture(),
    '/lazy.webp': picture(),
  }

  test('waits for a script; the preload scanner looks ahead', () => {
    const world = load(site)
    const ready = when(world, 'fetch:ended', '/slow.js')
    assert.ok(when(world, 'fetch:queued', '/behind.css') < ready, 'the stylesheet behind the script is asked for ahead')
    assert.ok(when(world, 'fetch:queued', '/behind.webp') < ready, 'so is the picture')
    assert.ok(when(world, 'fetch:queued', '/lazy.webp') >= ready, 'a lazy one is not')
    assert.ok(milestone(world, 'page:first-rendered') >= ready, 'and nothing is painted, for the body has not begun')
  })

  test('without a preload scanner what is behind is found a round trip later', () => {
    const world = load(site, { preloadScanner: false })
    assert.ok(when(world, 'fetch:queued', '/behind.css') >= when(world, 'fetch:ended', '/slow.js'), 'found behind the script')
    const late = (each: World): number => when(each, 'fetch:ended', '/behind.webp') - when(each, 'fetch:ended', '/slow.js')
    assert.ok(late(world) >= 2 * LINK.delay, 'and there a round trip later')
    assert.ok(late(load(site)) < 0, 'where with a scanner it is there already')
  })

  test('goes on past async, defer and module', () => {
    for (const how of ['async', 'defer', 'module'] as const) {
      const light = {
        ...site,
        '/': html([
          { url: '/slow.js', as: 'script', how },
          { url: '/behind.webp', as: 'image' },
        ]),
      }
      const world = load(light)
      const ready = when(world, 'fetch:ended', '/slow.js')
      assert.ok(milestone(world, 'page:first-rendered') < ready, `${how}: it is painted before the script is there`)
      const parsed = milestone(world, 'page:parsed')
      if (how === 'async') assert.ok(parsed < ready, 'DOMContentLoaded does not wait for async scripts')
      else assert.equal(parsed, ready, `DOMContentLoaded waits for ${how}`)
      assert.ok(milestone(world, 'page:loaded') >= ready, 'the load event does, whatever the script is')
    }
  })

  test('a script behind a stylesheet does not run before that is there', () => {
    const blocked = {
      '/': html([
        { url: '/slow.css', as: 'style' },
        { url: '/quick.js', as: 'script' },
        { url: '/last.webp', as: 'image', how: 'lazy' },
      ]),
      '/slow.css': css(2000, [], 400),
      '/quick.js': js(1000, [{ url: '/data.json', as: 'data' }]),
      '/last.webp': picture(),
    }
    const world = load(blocked)
    const styled = when(world, 'fetch:ended', '/slow.css')
    assert.ok(when(world, 'fetch:ended', '/quick.js') < styled, 'the script is there first')
    assert.equal(when(world, 'fetch:queued', '/data.json'), styled, 'and runs when the stylesheet has come')
  })

  test('deferred scripts run in their order', () => {
    const names = ['/one.js', '/two.js', '/three.js']
    const deferred = {
      '/': html(names.map((url) => ({ url, as: 'script', how: 'defer' }))),
      ...Object.fromEntries(names.map((name, i) => [name, js(500, [{ url: `${name}on`, as: 'data' }], 300 - 100 * i)])),
    }
    const world = load(deferred)
    assert.deepEqual(
      queued(world)
        .filter((text) => text.includes('.json'))
        .map((text) => text.split(' ')[0]),
      ['/one.json', '/two.json', '/three.json'],
    )
    const [last] = names
    assert.equal(when(world, 'fetch:queued', '/three.json'), when(world, 'fetch:ended', last))
  })

  test('a module waits for what it imports', () => {
    const modules = {
      '/': html([{ url: '/main.js', as: 'script', how: 'module' }]),
      '/main.js': js(500, [
        { url: '/part.js', as: 'script', how: 'module' },
        { url: '/main.json', as: 'data' },
      ]),
      '/part.js': js(
        500,
        [
          { url: '/main.js', as: 'script', how: 'module' },
          { url: '/part.json', as: 'data' },
        ],
        100,
      ),
    }
    const world = load(modules)
    assert.equal(when(world, 'fetch:queued', '/main.json'), when(world, 'fetch:ended', '/part.js'))
    const order = queued(world).map((text) => text.split(' ')[0])
    assert.deepEqual(order, ['/', '/main.js', '/part.js', '/part.json', '/main.json'])
  })
})

describe('painting', () => {
  test('waits for the stylesheets of the head, and for what they import; fonts and backgrounds come with it', () => {
    const site = {
      '/': html([
        { url: '/a.css', as: 'style' },
        { url: '/print.css', as: 'style', at: 0.5 },
      ]),
      '/a.css': css(1000, [
        { url: '/deep.css', as: 'style' },
        { url: '/back.webp', as: 'image' },
      ]),
      '/deep.css': css(1000, [{ url: '/f.woff2', as: 'font' }], 200),
      '/print.css': css(1000, [], 900),
      '/back.webp': picture(),
      '/f.woff2': font(300),
    }
    const world = load(site)
    const painted = milestone(world, 'page:first-rendered')
    assert.equal(painted, when(world, 'fetch:ended', '/deep.css'), 'the imported stylesheet was the last that was missing')
    assert.equal(when(world, 'fetch:queued', '/f.woff2'), painted)
    assert.equal(when(world, 'fetch:queued', '/back.webp'), painted)
    const queuedBy = data(world, 'fetch:queued').find(({ url }) => String(url).endsWith('/f.woff2'))
    assert.equal(queuedBy?.['initiator'], idOf(world, '/deep.css'))
    assert.ok(milestone(world, 'page:rendered') >= when(world, 'fetch:ended', '/f.woff2'), 'complete with its font')
    const blocking = data(world, 'fetch:queued').filter(({ renderBlocking }) => renderBlocking === true)
    assert.deepEqual(
      blocking.map(({ url }) => pathOf(String(url))),
      ['/', '/a.css', '/deep.css'],
    )
  })

  test('a stylesheet that fails holds up nothing', () => {
    const world = load({
      '/': html([
        { url: '/none.css', as: 'style' },
        { url: '/x.js', as: 'script' },
      ]),
      '/x.js': js(),
    })
    assert.ok(milestone(world, 'page:first-rendered') > 0)
    assert.deepEqual(
      data(world, 'page:loaded').map(({ resources, failures }) => [resources, failures]),
      [[1, 1]],
    )
  })

  test('milestones come in the order of a browser', () => {
    const site = {
      '/': html([
        { url: '/a.css', as: 'style' },
        { url: '/b.js', as: 'script', how: 'defer' },
        { url: '/1.webp', as: 'image' },
        { url: '/2.webp', as: 'image', how: 'small' },
      ]),
      '/a.css': css(),
      '/b.js': js(2000, [], 50),
      '/1.webp': picture(3000, 200),
      '/2.webp': picture(3000, 400),
    }
    const world = load(site)
    const order = world.events.filter(({ name }) => name.startsWith('page:')).map(({ name }) => name)
    assert.deepEqual(order, ['page:started', 'page:first-rendered', 'page:parsed', 'page:rendered', 'page:loaded'])
  })

  test('what comes behind the load event settles later', () => {
    const site = {
      '/': html([{ url: '/a.js', as: 'script', how: 'defer' }]),
      '/a.js': js(500, [{ url: '/slow.json', as: 'data' }]),
      '/slow.json': resource(700, { type: 'application/json', delay: 300 * MILLISECOND }),
    }
    const world = load(site)
    assert.ok(milestone(world, 'page:loaded') < when(world, 'fetch:ended', '/slow.json'), 'data is not waited for')
    const [{ resources, bytes }] = data(world, 'page:settled')
    assert.deepEqual([resources, bytes], [2, 3000 + 500 + 700])
  })
})

describe('tight mode', () => {
  const pictures = [1, 2, 3, 4].map((index) => `/${String(index)}.webp`)
  const site = {
    '/': html([
      { url: '/a.css', as: 'style' },
      { url: '/head.js', as: 'script' },
      ...pictures.map((url): PageReference => ({ url, as: 'image' })),
    ]),
    '/a.css': css(30_000),
    '/head.js': js(30_000),
    ...Object.fromEntries(pictures.map((name) => [name, picture(20_000)])),
  }
  test('pictures wait until the body begins', () => {
    const world = load(site)
    const began = Math.max(when(world, 'fetch:ended', '/a.css'), when(world, 'fetch:ended', '/head.js'))
    assert.ok(
      pictures.filter((path) => when(world, 'http:request-sent', path) < began).length <= 1,
      'at most one picture goes ahead',
    )
    const all = load(site, { tightMode: false })
    const first = Math.max(when(all, 'fetch:ended', '/a.css'), when(all, 'fetch:ended', '/head.js'))
    assert.ok(first > began, 'without it, they slow down what the first paint waits for')
  })
})

describe('what a page says in advance', () => {
  /** bob has the page, carol what it names. */
  function three(site: Record<string, ServedResource>, options: Record<string, unknown> = {}): World {
    const names = { bob: '10.0.0.2', carol: '10.0.0.3' }
    const third = server({ '/x.js': js(), '/x.webp': picture(), '/f.woff2': font() })
    return new World({
      hosts: {
        alice: { apps: [browser('http://bob/', options)], names },
        bob: { apps: [server(site)] },
        carol: { apps: [third] },
        switch: { kind: 'switch' },
      },
      links: ['alice 10.0.0.1/24', 'bob 10.0.0.2/24', 'carol 10.0.0.3/24'].map((end) => ({
        between: [end, 'switch'] as const,
        ...LINK,
      })),
    }).run(60 * SECOND)
  }

  test('preconnect: the connection is there when it is wanted', () => {
    const references: PageReference[] = [{ url: '//carol/', as: 'script', how: 'preconnect' }]
    const slow = { '/slow.js': js(500, [{ url: '//carol/x.webp', as: 'image' }], 300) }
    const script: PageReference = { url: '/slow.js', as: 'script', how: 'defer' }
    const [ahead, late] = [[...references, script], [script]].map((all) => three({ '/': html(all), ...slow }))
    const opened = (world: World): number =>
      world.happened('tcp:state-changed', 'alice').find(({ connection }) => connection.includes('10.0.0.3'))?.time ?? 0
    assert.ok(opened(ahead) < when(ahead, 'fetch:queued', '/x.webp'), 'connected before anything was wanted')
    const phases = world3(ahead, '/x.webp')
    assert.deepEqual(phases, ['sending', 'waiting', 'receiving'])
    assert.deepEqual(world3(late, '/x.webp'), ['dns', 'connect', 'sending', 'waiting', 'receiving'])
    assert.equal(milestone(late, 'page:loaded') - milestone(ahead, 'page:loaded') >= 4 * LINK.delay, true)
  })

  function world3(world: World, path: string): unknown[] {
    const id = idOf(world, path)
    return data(world, 'fetch:phase-started')
      .filter((event) => event['id'] === id)
      .map(({ phase }) => phase)
  }

  test('preload: what a stylesheet will name is on its way already, and asked for once', () => {
    const site = {
      '/': html([
        { url: '/f.woff2', as: 'font', how: 'preload' },
        { url: '/a.css', as: 'style' },
      ]),
      '/a.css': css(1000, [{ url: '/f.woff2', as: 'font' }]),
      '/f.woff2': font(),
    }
    const world = load(site)
    assert.deepEqual(queued(world), ['/ highest', '/f.woff2 high', '/a.css highest'])
    assert.ok(when(world, 'fetch:queued', '/f.woff2') < milestone(world, 'page:first-rendered'))
  })
})

describe('versions of HTTP', () => {
  const paths = Array.from({ length: 9 }, (_, index) => `/${String(index)}.webp`)
  const site = {
    '/': html(paths.map((url) => ({ url, as: 'image' }))),
    ...Object.fromEntries(paths.map((path) => [path, picture()])),
  }
  const connections = (world: World): number => new Set(world.happened('http:request-sent').map((event) => event.connection)).size
  const speak = (protocols: readonly string[], options: Record<string, unknown> = {}): World => {
    const world = pair(browser('http://bob/', { protocols, ...options }), server(site, { protocols }), LINK).run(60 * SECOND)
    noFailures(world)
    assert.deepEqual(
      data(world, 'page:loaded').map(({ resources, failures }) => [resources, failures]),
      [[9, 0]],
    )
    assert.deepEqual([...new Set(data(world, 'fetch:ended').map(({ protocol }) => protocol))], protocols)
    return world
  }

  test('HTTP/1.0: a connection for each request', () => {
    assert.equal(connections(speak(['http/1.0'])), 10)
  })
  test('HTTP/1.1: six, used again and again', () => {
    assert.equal(connections(speak(['http/1.1'])), 6)
  })
  test('HTTP/2: one, and a stream for each request', () => {
    const world = speak(['h2'])
    assert.equal(connections(world), 1)
    const streams = data(world, 'http:request-sent').map(({ stream }) => stream)
    assert.deepEqual(streams, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19])
    const phases = data(world, 'fetch:phase-started').filter(({ phase }) => phase === 'sending')
    assert.deepEqual(
      phases.map(({ stream }) => stream),
      streams,
    )
  })
  test('RFC 9113 section 3.3: without TLS, HTTP/2 is spoken only with those who are known for it', () => {
    const world = pair(browser('http://bob/', { protocols: ['h2', 'http/1.1'] }), server(site), LINK).run(60 * SECOND)
    assert.equal(data(world, 'fetch:ended')[0]['protocol'], 'http/1.1')
  })
  test('HTTP/2: frames are where the trace says that they are', () => {
    const world = speak(['h2'])
    for (const [name, host] of [
      ['http2:frame-sent', 'alice'],
      ['http2:frame-sent', 'bob'],
      ['http2:frame-received', 'alice'],
    ] as const) {
      let end = host === 'alice' && name === 'http2:frame-sent' ? 24 : 0
      for (const { from, to, length } of data(world, name, host)) {
        assert.deepEqual([from, Number(to) - Number(from)], [end, Number(length) + 9])
        end = Number(to)
      }
      assert.ok(end > 100, 'there were frames')
    }
  })
})
