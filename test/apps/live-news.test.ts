import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { lab, sound } from './live-lab.ts'
import { dial, poll, readEvents, Talk } from './live-talk.ts'

const MS = 1e6
const S = 1e9

describe('news', () => {
  const NEWS = { news: { interval: S, size: 100, start: S } }

  test('by WebSocket and event stream they come as they are published, by a poll that is held, too, and by one that is not when it is made', () => {
    const came: Record<string, number> = {}
    const world = lab(NEWS, [
      function* (context) {
        const talk = yield* Talk.open(context)
        yield* talk.enter()
        assert.equal((yield* talk.next('news')).text.length, 100)
        came['socket'] = context.environment.now
      },
      function* (context) {
        const socket = yield* dial(context)
        yield* socket.write(Buffer.from('GET /events HTTP/1.1\r\nHost: server\r\n\r\n'))
        const text = yield* readEvents(socket, (all) => all.includes('id: '))
        assert.match(text, /text\/event-stream/i)
        assert.match(text, /retry: 3000\n\n/)
        assert.match(text, /id: [0-9]+\ndata: \{"type":"news"/)
        came['events'] = context.environment.now
      },
      function* (context) {
        const { ids } = yield* poll(context, '/poll', 0)
        assert.equal(ids.length, 1)
        came['poll'] = context.environment.now
      },
      function* (context) {
        yield* context.sleep(500 * MS)
        assert.deepEqual((yield* poll(context, '/news', 0)).ids, [])
        yield* context.sleep(S)
        const { ids, last } = yield* poll(context, '/news', 0)
        assert.deepEqual(ids, [last])
        came['short'] = context.environment.now
      },
    ]).run(5 * S)
    sound(world)
    const published = world.happened('news:published')[0].time
    assert.deepEqual(
      ['socket', 'events', 'poll'].map((way) => Math.round((came[way] - published) / MS)),
      [5, 5, 5],
    )
    assert.ok(came['short'] - published > 400 * MS, 'who asks later hears later')
  })

  test('an event stream goes on behind Last-Event-ID', () => {
    const texts: string[] = []
    sound(
      lab(NEWS, [
        function* (context) {
          yield* context.sleep(3.5 * S)
          const { last } = yield* poll(context, '/news', 0)
          yield* context.sleep(S)
          const socket = yield* dial(context)
          yield* socket.write(Buffer.from(`GET /events HTTP/1.1\r\nHost: server\r\nLast-Event-ID: ${last}\r\n\r\n`))
          texts.push(yield* readEvents(socket, (all) => all.includes('data: ')))
          texts.push(String(last))
        },
      ]).run(6 * S),
    )
    const ids = [...texts[0].matchAll(/id: ([0-9]+)/g)].map(([, id]) => Number(id))
    assert.equal(ids.length, 1)
    assert.ok(ids[0] > Number(texts[1]), 'only what came behind it')
  })

  test('a poll that is held for nothing is answered with nothing when its time is up', () => {
    const answers: unknown[] = []
    sound(
      lab({ pollTimeout: 2 * S }, [
        function* (context) {
          const began = context.environment.now
          answers.push(yield* poll(context, '/poll', 0))
          answers.push(Math.floor((context.environment.now - began) / S))
        },
      ]).run(60 * S),
    )
    assert.deepEqual(answers, [{ ids: [], last: 0 }, 2])
  })

  test('a knob stops them, and starts them again', () => {
    const world = lab(NEWS, []).run(3.5 * S)
    assert.equal(world.happened('news:published').length, 3)
    world.configure('server', 'app.news.interval', 0).run(10 * S)
    assert.equal(world.happened('news:published').length, 3)
    world.configure('server', 'app.news.interval', 2 * S).run(15 * S)
    assert.equal(world.happened('news:published').length, 6)
  })
})
